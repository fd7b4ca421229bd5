import {
  binLow,
  binOf,
  binWidth,
  extractTags,
  HistogramSummary,
  statIndices,
  StatsRoot,
  StatsStore,
  statTemplate,
} from "../../src/stats/mod.ts";
import { assertEquals, assertOk } from "../support/assert.ts";

Deno.test("StatsStore sums counters and gauges of several threads by name", () => {
  const store = new StatsStore();
  const threads = [new StatsRoot(), new StatsRoot()];
  for (const [i, root] of threads.entries()) {
    const group = root.scope.scope("cluster").scope("a").group(statTemplate("rq cx", "active"));
    group.add(0, i + 1);
    group.set(2, 10 * (i + 1));
    store.absorb(i, root.takeUpdate()!);
  }
  assertEquals(store.values().map(({ name, value, used }) => [name, value, used]), [
    ["cluster.a.active", 30, true],
    ["cluster.a.cx", 0, false],
    ["cluster.a.rq", 3, true],
  ]);
});

Deno.test("StatsStore: a dead thread's counters stay, its gauges go; reset takes counters to zero", () => {
  const store = new StatsStore();
  const root = new StatsRoot();
  root.scope.counter("rq").add(5);
  root.scope.gauge("active").set(3);
  store.absorb(1, root.takeUpdate()!);
  store.retire(1);
  assertEquals([store.value("rq")?.value, store.value("active")?.value], [5, 0]);
  const next = new StatsRoot();
  next.scope.counter("rq").inc();
  store.absorb(1, next.takeUpdate()!);
  assertEquals(store.value("rq")?.value, 6);
  store.resetCounters();
  assertEquals(store.value("rq")?.value, 0);
  next.scope.counter("rq").inc();
  assertEquals(store.value("rq")?.value, 1);
});

Deno.test("Scope: the same name is the same stat; names grow past a segment", () => {
  const root = new StatsRoot();
  root.scope.counter("a").inc();
  root.scope.counter("a").inc();
  for (let i = 0; i < 20_000; i++) root.scope.counter(`many.${i}`).add(i);
  const store = new StatsStore();
  store.absorb(0, root.takeUpdate()!);
  assertEquals([store.value("a")?.value, store.value("many.19999")?.value], [2, 19_999]);
  assertEquals(root.takeUpdate(), undefined, "told once");
});

Deno.test("Histograms show after a flush: interval and cumulative", () => {
  const store = new StatsStore();
  const root = new StatsRoot();
  const histogram = root.scope.histogram("rq_time", "milliseconds");
  histogram.record(10);
  store.absorb(0, root.takeUpdate()!);
  assertEquals(store.histograms()[0]!.cumulative.count, 0);
  store.flush();
  assertEquals(store.histograms()[0]!.interval.count, 1);
  histogram.record(20);
  store.absorb(0, root.takeUpdate()!);
  store.flush();
  const [value] = store.histograms();
  assertEquals([value!.interval.count, value!.cumulative.count], [1, 2]);
});

Deno.test("Histogram bins hold two decimal digits, as circllhist's do", () => {
  for (const value of [1, 1.05, 9.99, 10, 99, 100, 123.4, 0.001, 5e8, 2.5e-7]) {
    const bin = binOf(value);
    assertOk(binLow(bin) <= value * (1 + 1e-9), `${value} below its bin`);
    assertOk(value < (binLow(bin) + binWidth(bin)) * (1 + 1e-9), `${value} above its bin`);
  }
  assertEquals(binOf(0), 0);
  assertEquals(binOf(-5), 0);
});

Deno.test("Histogram quantiles interpolate within a bin", () => {
  const summary = new HistogramSummary(new Map([[binOf(1), 1]]));
  assertEquals([0, 0.25, 0.5, 1].map((q) => Number(summary.quantile(q).toFixed(6))), [
    1,
    1.025,
    1.05,
    1.1,
  ]);
  assertOk(Number.isNaN(new HistogramSummary(new Map()).quantile(0.5)));
});

// Names and labels as Envoy 1.40 prints them at /stats/prometheus.
const TAG_ROWS = [
  ["cluster.a.upstream_rq_200", "cluster.upstream_rq", { response_code: "200", cluster_name: "a" }],
  ["cluster.a.upstream_rq_2xx", "cluster.upstream_rq_xx", {
    response_code_class: "2",
    cluster_name: "a",
  }],
  ["cluster.a.upstream_rq_total", "cluster.upstream_rq_total", { cluster_name: "a" }],
  ["listener.127.0.0.1_80.http.in.downstream_rq_1xx", "listener.http.downstream_rq_xx", {
    response_code_class: "1",
    http_conn_manager_prefix: "in",
    listener_address: "127.0.0.1_80",
  }],
  ["listener.admin.downstream_cx_total", "listener.admin.downstream_cx_total", {}],
  ["listener.[__1]_80.downstream_cx_total", "listener.downstream_cx_total", {
    listener_address: "[__1]_80",
  }],
  ["vhost.v.vcluster.c.upstream_rq_total", "vhost.vcluster.upstream_rq_total", {
    virtual_cluster: "c",
    virtual_host: "v",
  }],
  ["http.admin.downstream_rq_total", "http.downstream_rq_total", {
    http_conn_manager_prefix: "admin",
  }],
  ["tcp.t.downstream_cx_total", "tcp.downstream_cx_total", { tcp_prefix: "t" }],
  ["server.live", "server.live", {}],
  ["cluster.dotted.name.upstream_rq_total", "cluster.name.upstream_rq_total", {
    cluster_name: "dotted",
  }],
] as const;
for (const [full, name, tags] of TAG_ROWS) {
  Deno.test(`extractTags: ${full}`, () => {
    const got = extractTags(full);
    assertEquals(got.name, name);
    assertEquals(Object.fromEntries(got.tags.map((tag) => [tag.name.slice(6), tag.value])), tags);
  });
}

Deno.test("the indices of stats are their places in the template, counters first", () => {
  const at = statIndices(["rq", "cx"], ["active"]);
  const template = statTemplate("rq cx", "active");
  assertEquals(template.map(({ name }) => at[name as keyof typeof at]), [0, 1, 2]);
  assertEquals(template[at.active]!.kind, "gauge");
});
