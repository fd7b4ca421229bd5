// Changes of health that follow each other are told together; what is counted of it.

import { assertEquals } from "../../support/assert.ts";
import { Dispatcher, SeededRandom } from "../../../src/base/mod.ts";
import { StatsRoot, StatsStore } from "../../../src/stats/mod.ts";
import type { HealthUpdate } from "../../../src/upstream/mod.ts";
import { HealthNews } from "../../../src/upstream/main/health_news.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { clusterOf } from "../support.ts";

async function newsOf(window: object) {
  const clock = new FakeClock();
  const dispatcher = new Dispatcher({ clock, sleeper: clock, random: new SeededRandom(1) });
  const stats = new StatsRoot();
  const told: HealthUpdate[] = [];
  const news = new HealthNews(await clusterOf({ common_lb_config: window }), {
    dispatcher,
    scope: stats.scope,
    send: (update) => void told.push(update),
  });
  return {
    news,
    told,
    advance(ms: number): void {
      clock.advance(ms);
      dispatcher.timers.advance();
    },
    counts(): Record<string, number> {
      const store = new StatsStore();
      store.absorb(0, stats.takeUpdate()!);
      return Object.fromEntries(
        store.values().filter(({ value }) => value > 0)
          .map(({ name, value }) => [name.slice("cluster_manager.".length), value]),
      );
    },
  };
}

Deno.test("health news: the first at once, what follows in the window together", async () => {
  const { news, told, advance, counts } = await newsOf({});
  news.changed(0, []);
  news.changed(0, []);
  news.changed(0, []);
  assertEquals(told.length, 1);
  advance(1100);
  assertEquals(told.length, 2);
  assertEquals(counts(), {
    cluster_updated: 1,
    cluster_updated_via_merge: 1,
    update_out_of_merge_window: 1,
  });
});

Deno.test("health news: failed hosts are told at once, balancing waits", async () => {
  const { news, told } = await newsOf({});
  news.changed(0, [1]);
  news.changed(0, [2]);
  assertEquals(told.map(({ refreshes, failedHosts }) => [refreshes, failedHosts]), [
    [true, [1]],
    [false, [2]],
  ]);
  news.stop();
});

Deno.test("health news: hosts that come or go end the wait", async () => {
  const { news, told, advance, counts } = await newsOf({ update_merge_window: "5s" });
  news.changed(0, []);
  news.changed(0, []);
  news.hostsChanged();
  assertEquals(told.length, 2);
  advance(6000);
  assertEquals(told.length, 2);
  assertEquals(counts(), {
    cluster_updated: 2,
    update_merge_cancelled: 1,
    update_out_of_merge_window: 1,
  });
});

Deno.test("health news: a window of 0 merges nothing", async () => {
  const { news, told, counts } = await newsOf({ update_merge_window: "0s" });
  news.changed(0, []);
  news.changed(0, []);
  assertEquals([told.length, counts()], [2, { cluster_updated: 2 }]);
});
