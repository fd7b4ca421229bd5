// ORIGINAL_DST: where the address of a request stands, and how its hosts come and go.

import { assertEquals, assertOk } from "../../support/assert.ts";
import { fakeConnection, fakeStreamInfo } from "../../support/fakes/stream_info.ts";
import { formatAddress } from "../../../src/base/mod.ts";
import { HeaderMap, type StreamInfo } from "../../../src/http/mod.ts";
import {
  type LoadBalancerContext,
  ORIGINAL_DST_STATE,
  parseIpAndPort,
  type WorkerCluster,
} from "../../../src/upstream/mod.ts";
import { ANSWER, Bench, TestRequest } from "../support.ts";

const ADDRESSES = [
  { text: "127.0.0.1:80", want: "127.0.0.1:80" },
  { text: "[::1]:65535", want: "[::1]:65535" },
  { text: "[FE80::1]:0", want: "[fe80::1]:0" },
  { text: "::1:80", want: undefined },
  { text: "[127.0.0.1]:80", want: undefined },
  { text: "127.0.0.1", want: undefined },
  { text: "127.0.0.1:", want: undefined },
  { text: "127.0.0.1:65536", want: undefined },
  { text: "127.0.0.1:8x", want: undefined },
  { text: "127.0.0.1: 80", want: undefined },
  { text: "localhost:80", want: undefined },
  { text: "", want: undefined },
] as const;
for (const { text, want } of ADDRESSES) {
  Deno.test(`the original destination "${text}" is ${want === undefined ? "no" : "an"} address`, () => {
    const address = parseIpAndPort(text);
    assertEquals(address && formatAddress(address), want);
  });
}

function context(
  headers: readonly (readonly [string, string])[],
  info: StreamInfo | undefined = undefined,
): LoadBalancerContext {
  return {
    hash: () => undefined,
    requestHeaders: HeaderMap.of(...headers),
    metadataMatch: undefined,
    shouldSelectAnotherHost: () => false,
    hostSelectionRetryCount: 0,
    streamInfo: info,
  };
}

async function benchOf(config: object = { use_http_header: true }, more: object = {}) {
  const bench = new Bench();
  const cluster = await bench.add({
    type: "ORIGINAL_DST",
    lb_policy: "CLUSTER_PROVIDED",
    original_dst_lb_config: config,
    ...more,
  });
  bench.clusters.start();
  return { bench, cluster };
}

function chosen(cluster: WorkerCluster, by: LoadBalancerContext | undefined): string | undefined {
  const host = cluster.chooseHost(by);
  return host && formatAddress(host.address);
}

function withMetadata(value: unknown): StreamInfo {
  const info = fakeStreamInfo();
  info.dynamicMetadata = { conf: { dst: value } } as never;
  return info;
}

function withState(text: string): StreamInfo {
  const info = fakeStreamInfo();
  info.filterState = new Map([[ORIGINAL_DST_STATE, { serialize: () => text, json: () => text }]]);
  return info;
}

function restored(): StreamInfo {
  const connection = fakeConnection();
  return fakeStreamInfo({
    ...connection,
    localAddress: { kind: "ip", host: "10.9.9.9", port: 99 },
  });
}

const HEADER = ["x-envoy-original-dst-host", "10.0.0.1:1"] as const;
const BAD = ["x-envoy-original-dst-host", "localhost:1"] as const;
const KEY = { metadata_key: { key: "conf", path: [{ key: "dst" }] } };
const HEADER_AND_KEY = { use_http_header: true, ...KEY };
const ROWS = [
  {
    name: "the header",
    config: { use_http_header: true },
    context: context([HEADER]),
    want: "10.0.0.1:1",
    invalid: 0,
  },
  {
    name: "the first of two headers",
    config: { use_http_header: true },
    context: context([HEADER, [HEADER[0], "10.0.0.2:2"]]),
    want: "10.0.0.1:1",
    invalid: 0,
  },
  {
    name: "the header named, in any case",
    config: { use_http_header: true, http_header_name: "X-Dst" },
    context: context([HEADER, ["x-dst", "10.0.0.3:3"]]),
    want: "10.0.0.3:3",
    invalid: 0,
  },
  {
    name: "no header unless asked",
    config: {},
    context: context([HEADER]),
    want: undefined,
    invalid: 0,
  },
  {
    name: "a header that is no address",
    config: { use_http_header: true },
    context: context([BAD]),
    want: undefined,
    invalid: 1,
  },
  {
    name: "another port",
    config: { use_http_header: true, upstream_port_override: 7 },
    context: context([HEADER]),
    want: "10.0.0.1:7",
    invalid: 0,
  },
  {
    name: "metadata before the header",
    config: HEADER_AND_KEY,
    context: context([HEADER], withMetadata("10.0.0.4:4")),
    want: "10.0.0.4:4",
    invalid: 0,
  },
  {
    name: "the first of a list in metadata",
    config: KEY,
    context: context([], withMetadata(["10.0.0.5:5", "10.0.0.6:6"])),
    want: "10.0.0.5:5",
    invalid: 0,
  },
  {
    name: "the header after metadata that is no address",
    config: HEADER_AND_KEY,
    context: context([HEADER], withMetadata("x")),
    want: "10.0.0.1:1",
    invalid: 1,
  },
  {
    name: "the header after metadata that is no text",
    config: HEADER_AND_KEY,
    context: context([HEADER], withMetadata(5)),
    want: "10.0.0.1:1",
    invalid: 0,
  },
  {
    name: "filter state before all else",
    config: HEADER_AND_KEY,
    context: context([HEADER], withState("10.0.0.8:8")),
    want: "10.0.0.8:8",
    invalid: 0,
  },
  {
    name: "the restored address of the connection",
    config: {},
    context: context([], restored()),
    want: "10.9.9.9:99",
    invalid: 0,
  },
  {
    name: "the restored address after a bad header",
    config: { use_http_header: true },
    context: context([BAD], restored()),
    want: "10.9.9.9:99",
    invalid: 1,
  },
  {
    name: "not where the connection came in",
    config: {},
    context: context([], fakeStreamInfo()),
    want: undefined,
    invalid: 0,
  },
  {
    name: "nothing without a request",
    config: {},
    context: undefined,
    want: undefined,
    invalid: 0,
  },
];
for (const row of ROWS) {
  Deno.test(`ORIGINAL_DST takes ${row.name}`, async () => {
    const { bench, cluster } = await benchOf(row.config);
    assertEquals(chosen(cluster, row.context), row.want);
    assertEquals(bench.stat("original_dst_host_invalid"), row.invalid);
    assertEquals(bench.stat("upstream_cx_none_healthy"), row.want === undefined ? 1 : 0);
  });
}

Deno.test("a host that is met is one host, before main knows of it and after", async () => {
  const { bench, cluster } = await benchOf();
  const by = context([HEADER]);
  const host = cluster.chooseHost(by)!;
  assertEquals([host.hostname, bench.stat("membership_total")], ["c10.0.0.1:1", 0]);
  assertOk(cluster.chooseHost(by) === host);
  bench.advance(10);
  assertEquals([bench.stat("membership_total"), bench.updates.length], [1, 1]);
  assertOk(cluster.chooseHost(by) === host);
});

Deno.test("what a met host counted moves to the cells that main gives it", async () => {
  const { bench, cluster } = await benchOf();
  const host = cluster.chooseHost(context([HEADER]))!;
  const request = new TestRequest(bench, cluster, { host });
  bench.run(() => bench.connections[0]!.connected());
  bench.advance(10);
  bench.run(() => bench.connections[0]!.receive(ANSWER));
  assertEquals(request.log, ["ready", "headers 200 end"]);
  const stats = bench.clusters.snapshot()[0]!.hosts[0]!.stats.filter(({ value }) => value !== 0);
  assertEquals(stats.map(({ name, value }) => `${name} ${value}`), [
    "cx_total 1",
    "rq_total 1",
    "cx_active 1",
  ]);
});

Deno.test("a host goes when it is idle for an interval and has no connection", async () => {
  const { bench, cluster } = await benchOf({ use_http_header: true }, { cleanup_interval: "1s" });
  const host = cluster.chooseHost(context([HEADER]))!;
  new TestRequest(bench, cluster, { host });
  bench.run(() => bench.connections[0]!.connected());
  bench.run(() => bench.connections[0]!.receive(ANSWER));
  bench.advance(1100);
  bench.advance(1100);
  assertEquals(bench.stat("membership_total"), 1);
  bench.connections[0]!.fail("remote_close");
  bench.advance(1100);
  bench.advance(10);
  assertEquals(bench.stat("membership_total"), 0);
  assertEquals(chosen(cluster, context([HEADER])), "10.0.0.1:1");
});
