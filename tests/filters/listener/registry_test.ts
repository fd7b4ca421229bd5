import type { ListenerFilterFactory } from "../../../src/filter_chain/mod.ts";
import { LISTENER_FILTERS } from "../../../src/filters/listener/registry.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("the listener filter registry is in name order and agrees with its factories", async () => {
  const names = LISTENER_FILTERS.map((row) => row.name);
  assertEquals(names, [...names].sort());
  for (const row of LISTENER_FILTERS) {
    const factory: Pick<ListenerFilterFactory, "name" | "type"> = await row.load();
    assertEquals([factory.name, factory.type], [row.name, row.type]);
  }
});
