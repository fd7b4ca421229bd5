/** The direct response filter. */

import { directResponseFactory } from "../../../src/filters/network/direct_response.ts";
import { assertEquals } from "../../support/assert.ts";
import { OneFilter } from "./harness.ts";

for (
  const { name, response, want } of [
    { name: "a text", response: { inline_string: "said\n" }, want: "said\n" },
    { name: "bytes", response: { inline_bytes: "AAH/" }, want: "\x00\x01\xff" },
    { name: "nothing", response: undefined, want: "" },
  ]
) {
  Deno.test(`direct_response writes ${name} and closes`, async () => {
    const config = response === undefined ? {} : { response };
    const one = await OneFilter.create(directResponseFactory, config);
    assertEquals(one.open(), "stop");
    assertEquals(one.connection.written(), want);
    assertEquals(one.connection.closedBy, "flush_write");
    assertEquals(one.info.responseCodeDetails, "direct_response");
  });
}
