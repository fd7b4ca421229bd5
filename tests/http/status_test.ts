/** `:status` as a number, and its reason phrases. */

import { HeaderMap, REASON_PHRASES, STATUS_TEXTS, statusOf } from "../../src/http/mod.ts";
import { assertEquals } from "../support/assert.ts";

const ROWS = [
  { name: "a success", text: "200", want: 200 },
  { name: "the lowest", text: "100", want: 100 },
  { name: "the highest of three digits", text: "999", want: 999 },
  { name: "below 100", text: "099", want: 0 },
  { name: "two digits", text: "20", want: 0 },
  { name: "four digits", text: "2000", want: 0 },
  { name: "letters", text: "abc", want: 0 },
  { name: "a sign", text: "-20", want: 0 },
  { name: "nothing", text: "", want: 0 },
] as const;

for (const { name, text, want } of ROWS) {
  Deno.test(`statusOf ${name}: "${text}"`, () => {
    assertEquals(statusOf(HeaderMap.of([":status", text])), want);
  });
}

Deno.test("statusOf a message without :status is 0", () => {
  assertEquals(statusOf(HeaderMap.of(["content-type", "text/plain"])), 0);
});

Deno.test("STATUS_TEXTS has the text of each status, and each phrase a status", () => {
  assertEquals([STATUS_TEXTS[100], STATUS_TEXTS[503], STATUS_TEXTS[999]], ["100", "503", "999"]);
  for (const code of Object.keys(REASON_PHRASES)) assertEquals(STATUS_TEXTS[Number(code)], code);
  assertEquals([REASON_PHRASES[413], REASON_PHRASES[418]], ["Payload Too Large", undefined]);
});
