// Header changes: append actions, empty values, and what Envoy refuses.
import { compileHeaderMutations } from "../../src/formatter/mod.ts";
import { HeaderMap } from "../../src/http/mod.ts";
import type { envoy_config_core_v3_HeaderValueOption } from "../../src/proto/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { decodeMessage } from "../support/messages.ts";
import { collect, compileContext, fullContext } from "./support.ts";

type Pairs = readonly (readonly [string, string])[];

function option(
  key: string,
  value: string,
  more: object = {},
): Promise<envoy_config_core_v3_HeaderValueOption> {
  return decodeMessage<envoy_config_core_v3_HeaderValueOption>(
    "envoy.config.core.v3.HeaderValueOption",
    { header: { key, value }, ...more },
  ).then(({ message }) => message);
}

interface Row {
  readonly name: string;
  readonly add?: readonly (readonly [key: string, value: string, more?: object])[];
  readonly remove?: readonly string[];
  readonly before: Pairs;
  readonly after: Pairs;
}
const OLD: Pairs = [["x-a", "old"], ["x-b", "b"], ["x-a", "older"]];
const action = (append_action: string): object => ({ append_action });
// deno-fmt-ignore
const ROWS: readonly Row[] = [
  { name: "appends by default", add: [["X-A", "new"]], before: OLD, after: [...OLD, ["x-a", "new"]] },
  { name: "adds if absent: not to what exists", add: [["x-a", "new", action("ADD_IF_ABSENT")]], before: OLD, after: OLD },
  { name: "adds if absent", add: [["x-c", "new", action("ADD_IF_ABSENT")]], before: OLD, after: [...OLD, ["x-c", "new"]] },
  { name: "overwrites all of a name", add: [["x-a", "new", action("OVERWRITE_IF_EXISTS_OR_ADD")]], before: OLD, after: [["x-a", "new"], ["x-b", "b"]] },
  { name: "overwrites or adds", add: [["x-c", "new", action("OVERWRITE_IF_EXISTS_OR_ADD")]], before: OLD, after: [...OLD, ["x-c", "new"]] },
  { name: "overwrites only what exists", add: [["x-c", "new", action("OVERWRITE_IF_EXISTS")], ["x-b", "n", action("OVERWRITE_IF_EXISTS")]], before: OLD, after: [["x-a", "old"], ["x-b", "n"], ["x-a", "older"]] },
  { name: "reads the older append: false", add: [["x-b", "n", { append: false }]], before: OLD, after: [["x-a", "old"], ["x-b", "n"], ["x-a", "older"]] },
  { name: "removes all of a name, then adds", add: [["x-a", "new"]], remove: ["X-A"], before: OLD, after: [["x-b", "b"], ["x-a", "new"]] },
  { name: "does not add an empty value", add: [["x-c", "%REQ(x-none)%"], ["x-d", ""]], before: [], after: [] },
  { name: "does not overwrite by an empty value", add: [["x-b", "%REQ(x-none)%", action("OVERWRITE_IF_EXISTS_OR_ADD")]], before: OLD, after: OLD },
  { name: "adds an empty value that is to be kept", add: [["x-c", "%REQ(x-none)%", { keep_empty_value: true }]], before: [], after: [["x-c", ""]] },
  { name: "formats", add: [["x-c", "a%REQ(x-none)%b 100%% %RESPONSE_CODE% %RESPONSE_FLAGS%"]], before: [], after: [["x-c", "ab 100% 503 URX,UF"]] },
  { name: "joins headers of which there is one line", add: [["content-type", "text/b"], ["x-forwarded-for", "1.1.1.1"]], before: [["content-type", "text/a"]], after: [["content-type", "text/a,text/b"], ["x-forwarded-for", "1.1.1.1"]] },
  { name: "writes text as UTF-8", add: [["x-c", "é"]], before: [], after: [["x-c", "\xc3\xa9"]] },
];
for (const row of ROWS) {
  Deno.test(`header changes: ${row.name}`, async () => {
    const add = await Promise.all((row.add ?? []).map((args) => option(...args)));
    const source = { add, remove: row.remove ?? [], message: {} };
    const changes = compileHeaderMutations(source, compileContext());
    const headers = HeaderMap.of(...row.before);
    changes.apply(headers, fullContext());
    assertEquals(headers.entries(), row.after);
  });
}

Deno.test("header changes without entries are empty", () => {
  assertEquals(compileHeaderMutations({ add: [], message: {} }, compileContext()).isEmpty, true);
});

for (const name of [":path", "host", "Host", ":authority"]) {
  Deno.test(`header changes refuse ${name}`, async () => {
    const { problems, found } = collect();
    const add = [await option(name, "x")];
    compileHeaderMutations({ add, remove: [name], message: {} }, compileContext(problems));
    assertEquals(found, [
      ":-prefixed or host headers may not be removed",
      ":-prefixed or host headers may not be modified",
    ]);
  });
}

Deno.test("header changes never add a value with a line end (response splitting by metadata)", async () => {
  const context = fullContext();
  context.info.dynamicMetadata = { a: { s: "x\r\nset-cookie: evil=1" } };
  const add = [await option("x-c", "%DYNAMIC_METADATA(a:s)%", { keep_empty_value: true })];
  const headers = new HeaderMap();
  compileHeaderMutations({ add, message: {} }, compileContext()).apply(headers, context);
  assertEquals(headers.entries(), []);
});
