// The language of formats: what Envoy 1.40 refuses, in its words, and what it makes of the rest.
import {
  compileFormat,
  compileJsonFormat,
  compileSubstitutionFormat,
  compileTimeFormat,
  DEFAULT_FORMAT,
} from "../../src/formatter/mod.ts";
import type { envoy_config_core_v3_SubstitutionFormatString } from "../../src/proto/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { decodeMessage } from "../support/messages.ts";
import {
  collect,
  compileContext,
  emptyContext,
  format,
  fullContext,
  START_WALL_MS,
} from "./support.ts";

const bytes = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text));
const header = "Invalid header configuration. Format string contains";

// deno-fmt-ignore
const REFUSED: readonly (readonly [text: string, why: string])[] = [
  ["100%", "Incorrect configuration: 100%. Couldn't find valid command at position 3"],
  ["a%b", "Incorrect configuration: a%b. Couldn't find valid command at position 1"],
  ["%REQ(a%", "Incorrect configuration: %REQ(a%. Couldn't find valid command at position 0"],
  ["%REQ a%", "Incorrect configuration: %REQ a%. Couldn't find valid command at position 0"],
  ["%REQ(a):x%", "Incorrect configuration: %REQ(a):x%. Couldn't find valid command at position 0"],
  ["%REQ(a):%", "Incorrect configuration: %REQ(a):%. Couldn't find valid command at position 0"],
  ["%REQ(a)b%", "Incorrect configuration: %REQ(a)b%. Couldn't find valid command at position 0"],
  ["%lower%", "Incorrect configuration: %lower%. Couldn't find valid command at position 0"],
  ["%REQ(a?b?c)%", "More than 1 alternative header specified in token: a?b?c"],
  ["%REQ( a )%", `${header} invalid characters.`],
  ["%REQ(a:b)%", `${header} invalid characters.`],
  ["%REQ%", "REQ requires parameters"],
  ["%TRAILER():3%", "TRAILER requires parameters"],
  ["%START_TIME(%n)%", `${header} newline.`],
  ["%START_TIME(%f):3%", "START_TIME does not allow length to be specified."],
  ["%DURATION:3%", "DURATION does not take any parameters or length"],
  ["%PROTOCOL(a)%", "PROTOCOL does not take any parameters or length"],
  ["%PATH(X)%", "Invalid PATH option: 'X', only 'WQ'/'NQ' are allowed"],
  ["%PATH(WQ:X)%", "Invalid PATH option: 'X', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed"],
  ["%QUERY_PARAMS(RAW)%", "Invalid QUERY_PARAMS option: 'RAW', only 'ORIG'/'DECODED' are allowed"],
  ["%COMMON_DURATION(a)%", "Invalid common duration configuration: a."],
  ["%COMMON_DURATION(a:b:s)%", "Invalid common duration precision: s."],
  ["%GRPC_STATUS(x)%", "GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER. Got: x"],
  ["%FILTER_STATE%", "Invalid filter state configuration, key cannot be empty."],
  ["%FILTER_STATE(a:X)%", "Invalid filter state serialize type, only support PLAIN/TYPED/FIELD."],
  ["%FILTER_STATE(a:FIELD)%", "Invalid filter state serialize type, FIELD should be used with the field name."],
  ["%METADATA(X:a)%", "X is not supported type of metadata"],
  ["%REQUESTED_SERVER_NAME(x)%", "Invalid REQUESTED_SERVER_NAME option: 'x', only 'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST' are allowed"],
  ["%XFCC_VALUE(a)%", "XFCC_VALUE command does not support subcommand: a"],
  ["%VIRTUAL_HOST_NAME%", "Not supported field in StreamInfo: VIRTUAL_HOST_NAME"],
  ["%REQ_WITHOUT_QUERY(:path)%", "Not supported field in StreamInfo: REQ_WITHOUT_QUERY"],
  ["%constructor%", "Incorrect configuration: %constructor%. Couldn't find valid command at position 0"],
];
for (const [text, why] of REFUSED) {
  Deno.test(`format refuses ${text}`, () => {
    const { problems, found } = collect();
    compileFormat(text, compileContext(problems), { message: {}, field: "format" });
    assertEquals(found, [why]);
  });
}

const ACCEPTED: readonly (readonly [text: string, want: string])[] = [
  ["100%% sure", "100% sure"],
  ["plain é", bytes("plain é")],
  ["", ""],
  ["[%REQ(x-none)%] %PROTOCOL%", "[-] HTTP/2"],
  ["%PROTOCOL%%%%PROTOCOL%", "HTTP/2%HTTP/2"],
  ["%REQ(a\\b)%", ""],
];
for (const [text, want] of ACCEPTED) {
  Deno.test(`format of "${text}"`, () => assertEquals(format(text, fullContext()), want));
}

Deno.test("format without operators is constant", () => {
  const formatter = compileFormat("a%%b", compileContext(), { message: {}, field: "" });
  assertEquals([formatter.constant, formatter.format(emptyContext())], ["a%b", "a%b"]);
});

Deno.test("format with omit_empty_values prints nothing for what is missing", () => {
  const text = "[%REQ(x-none)%] [%RESPONSE_CODE%]";
  assertEquals(format(text, fullContext(), { omitEmpty: true }), "[] [503]");
});

Deno.test("the default format", () => {
  const want =
    '[2026-11-21T10:46:06.413Z] "GET /old/x?k=1 HTTP/2" 503 URX,UF 5 7 90 - "-" "-" "-" ' +
    '"h.test:80" "[::1]:8080"\n';
  assertEquals(format(DEFAULT_FORMAT, fullContext()), want);
});

// deno-fmt-ignore
const TIMES: readonly (readonly [text: string, want: string])[] = [
  ["%Y/%m/%d %y %j %a %A %b %B %p %I %e %M %S", "2026/11/21 26 325 Sat Saturday Nov November AM 10 21 46 06"],
  ["%Z %z %% %u %w %U %D %T %F %R %H", "UTC +0000 % 6 6 46 11/21/26 10:46:06 2026-11-21 10:46 10"],
  ["%f", "413901000"],
  ["%1f %2f %4f %5f %6f %7f %8f %9f", "4 41 4139 41390 413901 4139010 41390100 413901000"],
  ["%E4S %E4f %Ez %E*S", "06.4139 4139 +00:00 06.413901"],
  ["%s %3s", "1795257966 1795257966"],
  ["%0f %Q", "%0f %Q"],
  ["%c|%x|%X|%h|%C", "Sat Nov 21 10:46:06 2026|11/21/26|10:46:06|Nov|20"],
  ["%g %G %V %k %l %r", "26 2026 47 10 10 10:46:06 AM"],
  ["a%", "a%"],
];
for (const [text, want] of TIMES) {
  Deno.test(`time format ${text}`, () =>
    assertEquals(compileTimeFormat(text)(START_WALL_MS), want));
}

Deno.test("time format of edges: before noon and after, first days of a year", () => {
  const at = (text: string, ...date: Parameters<typeof Date.UTC>): string =>
    compileTimeFormat(text)(Date.UTC(...date));
  assertEquals(at("%I %p %l", 2026, 0, 1, 0), "12 AM 12");
  assertEquals(at("%I %p %l", 2026, 0, 1, 13), "01 PM  1");
  // 2027-01-01 is a Friday: still week 53 of 2026 by ISO 8601.
  assertEquals(at("%G-%V %U %W %j %e", 2027, 0, 1), "2026-53 00 00 001  1");
  assertEquals(at("%G-%V %U %W", 2024, 11, 30), "2025-01 52 53");
});

interface JsonRow {
  readonly name: string;
  readonly format: { readonly [key: string]: unknown };
  readonly want: string;
  readonly omitEmpty?: boolean;
}
// deno-fmt-ignore
const JSON_ROWS: readonly JsonRow[] = [
  { name: "keeps types", format: { code: "%RESPONSE_CODE%", none: "%REQ(x-none)%", mixed: "c %RESPONSE_CODE%", n: 5, yes: true, nul: null }, want: '{"code":503,"mixed":"c 503","n":5,"none":null,"nul":null,"yes":true}' },
  { name: "sorts by bytes, also what looks like an index", format: { b: 1, "10": 2, "9": 3, B: 4, "é": 5 }, want: bytes('{"10":2,"9":3,"B":4,"b":1,"é":5}') },
  { name: "nests", format: { o: { list: ["%PROTOCOL%", "%REQ(x-none)%", 1, null] }, e: {} }, want: '{"e":{},"o":{"list":["HTTP/2",null,1,null]}}' },
  { name: "inserts metadata as JSON", format: { m: "%UPSTREAM_METADATA(envoy.lb)%", t: "%UPSTREAM_METADATA(envoy.lb:zone)%" }, want: '{"m":{"n":3,"zone":"z1"},"t":"z1"}' },
  { name: "escapes", format: { q: "%REQ(x-in)%", c: 'é\u007f\u0001"' }, want: bytes('{"c":"é\u007f\\u0001\\"","q":"a\\tb\\"c\\\\d"}') },
  { name: "prints - for what is missing within a text", format: { m: "a%REQ(x-none)%b" }, want: '{"m":"a-b"}' },
  { name: "omits what is missing", format: { none: "%REQ(x-none)%", m: "a%REQ(x-none)%b", c: "%RESPONSE_CODE%" }, want: '{"c":503,"m":"ab"}', omitEmpty: true },
];
for (const row of JSON_ROWS) {
  Deno.test(`json_format ${row.name}`, () => {
    const place = { message: {}, field: "json_format", omitEmpty: row.omitEmpty ?? false };
    const formatter = compileJsonFormat(row.format, compileContext(), place);
    assertEquals(formatter.format(fullContext()), row.want);
  });
}

Deno.test("json_format escapes bytes that are no UTF-8 one by one", () => {
  const context = fullContext();
  context.requestHeaders!.set("x-in", "a\xffb\\ \xc3\xa9");
  const place = { message: {}, field: "json_format" };
  const formatter = compileJsonFormat({ q: "%REQ(x-in)%" }, compileContext(), place);
  assertEquals(formatter.format(context), '{"q":"a\\u00ffb\\u005c \\u00c3\\u00a9"}');
});

const SUBSTITUTIONS = [
  { name: "text_format", value: { text_format: "%PROTOCOL%" }, want: "HTTP/2" },
  {
    name: "text_format_source",
    value: { text_format_source: { inline_string: "%PROTOCOL%\n" } },
    want: "HTTP/2\n",
  },
  {
    name: "an environment variable",
    value: { text_format_source: { environment_variable: "ZONE" } },
    want: "eu-1",
  },
  {
    name: "json_format, with its newline",
    value: { json_format: { a: "%PROTOCOL%" } },
    want: '{"a":"HTTP/2"}\n',
  },
  {
    name: "a formatter extension",
    value: {
      text_format: "%REQ_WITHOUT_QUERY(:path)%",
      formatters: [{
        name: "q",
        typed_config: {
          "@type":
            "type.googleapis.com/envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery",
        },
      }],
    },
    want: "/new/x",
  },
];
for (const row of SUBSTITUTIONS) {
  Deno.test(`SubstitutionFormatString: ${row.name}`, async () => {
    const { message } = await decodeMessage<envoy_config_core_v3_SubstitutionFormatString>(
      "envoy.config.core.v3.SubstitutionFormatString",
      row.value,
    );
    const formatter = compileSubstitutionFormat(message, compileContext());
    assertEquals(formatter.format(fullContext()), row.want);
  });
}
