/** The process's own stats are there under Envoy's names from the start. */

import { ServerStats, STATE_NUMBERS } from "../../src/server/server_stats.ts";
import { StatsRoot, StatsStore } from "../../src/stats/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function stats(workers = 2): { readonly own: ServerStats; value(name: string): unknown } {
  const root = new StatsRoot();
  const own = new ServerStats(root.scope, workers);
  return {
    own,
    value(name) {
      const store = new StatsStore();
      store.absorb(0, root.takeUpdate()!);
      return store.value(name)?.value;
    },
  };
}

const NAMES = [
  "server.live",
  "server.state",
  "server.uptime",
  "server.worker_0.watchdog_miss",
  "server.worker_1.watchdog_mega_miss",
  "runtime.num_layers",
  "listener_manager.total_listeners_active",
  "cluster_manager.active_clusters",
] as const;

for (const name of NAMES) {
  Deno.test(`${name} is 0 before anything happens`, () => assertEquals(stats().value(name), 0));
}

Deno.test("There is no stat of a worker that is not there", () => {
  assertEquals(stats(1).value("server.worker_1.watchdog_miss"), undefined);
});

Deno.test("set replaces and count adds", () => {
  const { own, value } = stats();
  own.set("server.state", STATE_NUMBERS.DRAINING);
  own.set("server.state", STATE_NUMBERS.INITIALIZING);
  own.count("denvoy.worker_faults");
  own.count("denvoy.worker_faults", 2);
  assertEquals(value("server.state"), 3);
});

Deno.test("count of a name without the server prefix", () => {
  const { own, value } = stats();
  own.count("denvoy.worker_faults");
  own.count("denvoy.worker_faults", 2);
  assertEquals(value("denvoy.worker_faults"), 3);
});

Deno.test("An unknown name is our bug", () => {
  assertThrows(() => stats().own.set("server.liev", 1), /No server stat "server.liev"/);
});
