/**
 * Costs of HeaderMap on a browser's request, by well-known ids, well-known names and other names.
 * Last numbers (2 shared cores; read as ratios), p75 in ns: get by id 10, by name 14, unknown 15,
 * absent 5, 8 and 20; set 17–23; remove and append 114–130; 13 appends 300, a copy of them 200.
 */

import { H, HeaderMap } from "../../src/http/mod.ts";

const PAIRS: readonly (readonly [string, string])[] = [
  [":method", "GET"],
  [":path", "/some/path?x=1"],
  [":scheme", "https"],
  [":authority", "example.com:8080"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
  ["accept", "*/*"],
  ["accept-encoding", "gzip, deflate, br"],
  ["accept-language", "en-GB,en;q=0.9,de;q=0.8"],
  ["cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"],
  ["cache-control", "no-cache"],
  ["x-tenant", "t99"],
  ["x-forwarded-for", "10.0.0.1"],
  ["x-request-id", "95f0338d-136f-4647-b0f4-dcfa3b390ae9"],
];
/** Not among the well-known names. */
const UNKNOWN = "x-tenant";
const ABSENT_UNKNOWN = "x-other-tenant";

const headers = HeaderMap.of(...PAIRS);
const scratch = HeaderMap.of(...PAIRS);
/** Where results go, so that no look-up is optimised away. */
let sink: string | number | undefined;

function bench(group: string, name: string, fn: () => void): void {
  Deno.bench({ name: `${group}: ${name}`, group, fn });
}

bench("get", "known, by id", () => sink = headers.getId(H.xRequestId));
bench("get", "known, by name", () => sink = headers.get("x-request-id"));
bench("get", "unknown", () => sink = headers.get(UNKNOWN));
bench("get", "known but absent, by id", () => sink = headers.getId(H.authorization));
bench("get", "known but absent, by name", () => sink = headers.get("authorization"));
bench("get", "unknown and absent", () => sink = headers.get(ABSENT_UNKNOWN));

bench("set", "known, by id", () => scratch.setId(H.xForwardedFor, "10.0.0.2"));
bench("set", "known, by name", () => scratch.set("x-forwarded-for", "10.0.0.2"));
bench("set", "unknown", () => scratch.set(UNKNOWN, "t98"));

// Each puts back what it took, so that the map stays as it is.
bench("remove and append", "known, by id", () => {
  sink = scratch.removeId(H.xRequestId);
  scratch.addId(H.xRequestId, "95f0338d-136f-4647-b0f4-dcfa3b390ae9");
});
bench("remove and append", "known, by name", () => {
  sink = scratch.remove("x-request-id");
  scratch.add("x-request-id", "95f0338d-136f-4647-b0f4-dcfa3b390ae9");
});
bench("remove and append", "unknown", () => {
  sink = scratch.remove(UNKNOWN);
  scratch.add(UNKNOWN, "t98");
});
bench("remove and append", "absent, by id", () => sink = scratch.removeId(H.authorization));

bench("whole map", "append 13 entries by name", () => {
  const map = new HeaderMap();
  for (let i = 0; i < PAIRS.length; i++) map.add(PAIRS[i]![0], PAIRS[i]![1]);
  sink = map.byteSize;
});
bench("whole map", "copy 13 entries", () => sink = headers.copy().byteSize);

/** Read at the end, so that `sink` counts as used. */
globalThis.addEventListener("unload", () => void sink);
