/** The network filter that sets filter state. */

import { setFilterStateFactory } from "../../../src/filters/network/set_filter_state.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { fakeContext } from "../../support/fakes/compile_context.ts";
import { decodeMessage } from "../../support/messages.ts";
import { OneFilter } from "./harness.ts";

const value = (text: string, more: object = {}) => ({
  object_key: "envoy.string",
  format_string: { text_format_source: { inline_string: text } },
  ...more,
});

for (
  const { name, config, onOpen, onData } of [
    {
      name: "at once",
      config: { on_new_connection: [value("from %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")] },
      onOpen: "from 127.0.0.1",
      onData: "from 127.0.0.1",
    },
    {
      name: "with the first bytes",
      config: { on_downstream_data: [value("late")] },
      onOpen: undefined,
      onData: "late",
    },
    {
      name: "nothing that is empty",
      config: { on_new_connection: [value("", { skip_if_empty: true })] },
      onOpen: undefined,
      onData: undefined,
    },
    {
      name: "no number that is none",
      config: {
        on_new_connection: [
          value("soon", { factory_key: "envoy.tcp_proxy.per_connection_idle_timeout_ms" }),
        ],
      },
      onOpen: undefined,
      onData: undefined,
    },
  ]
) {
  Deno.test(`set_filter_state sets ${name}`, async () => {
    const one = await OneFilter.create(setFilterStateFactory, config, {
      remoteAddress: { kind: "ip", host: "127.0.0.1", port: 7 },
    });
    assertEquals(one.open(), "continue");
    assertEquals(one.info.filterState?.get("envoy.string")?.serialize(), onOpen);
    one.connection.receive("x");
    assertEquals(one.info.filterState?.get("envoy.string")?.serialize(), onData);
  });
}

Deno.test("set_filter_state refuses a key that no factory has", async () => {
  const decoded = await decodeMessage<object>(setFilterStateFactory.type, {
    on_new_connection: [value("x", { object_key: "nosuch" })],
  });
  assertThrows(
    () => setFilterStateFactory.compile(decoded.message, fakeContext()),
    /'nosuch' does not have an object factory/,
  );
});
