// The dynamic forward proxy filter: which requests wait, what they are told, what it leaves alone.

import { dynamicForwardProxyFactory } from "../../../src/filters/http/dynamic_forward_proxy.ts";
import type { FilterCallbacks, HttpFilter, LocalReply } from "../../../src/filter_chain/mod.ts";
import { formatFlags, H, HeaderMap } from "../../../src/http/mod.ts";
import { dynamicForwardProxy } from "../../../src/upstream/provided/dynamic_forward_proxy.ts";
import type { DnsCacheEntry, DnsLoad } from "../../../src/upstream/mod.ts";
import { assertEquals } from "../../support/assert.ts";
import { fakeContext } from "../../support/fakes/compile_context.ts";
import { FakeDnsCache } from "../../support/fakes/dns_cache.ts";
import { fakeStreamInfo } from "../../support/fakes/stream_info.ts";
import { decodeMessage } from "../../support/messages.ts";

const PACKAGE = "envoy.extensions.filters.http.dynamic_forward_proxy.v3";

const KNOWN: DnsCacheEntry = {
  host: "known.test:80",
  state: "resolved",
  address: { kind: "ip", host: "10.0.0.1", port: 80 },
  details: "",
};
const GONE: DnsCacheEntry = {
  host: "gone.test:80",
  state: "failed",
  address: undefined,
  details: "cares_norecords:Domain_name_not_found",
};
const FULL: DnsCacheEntry = {
  host: "full.test:80",
  state: "overflow",
  address: undefined,
  details: "",
};

function answerTo(host: string): DnsLoad | undefined {
  if (host.startsWith("known")) return { status: "in_cache", entry: KNOWN };
  if (host.startsWith("gone")) return { status: "in_cache", entry: GONE };
  return host.startsWith("full") ? { status: "overflow" } : undefined;
}

/** A chain with the filter in front of a cluster. */
class Forward {
  readonly replies: LocalReply[] = [];
  readonly cache = new FakeDnsCache(answerTo);
  readonly info = fakeStreamInfo();
  continued = 0;
  routeConfig: unknown = undefined;
  readonly filter: HttpFilter;

  static async create(
    message: object = {},
    options: { readonly port?: number | undefined; readonly route?: object } = { port: 80 },
  ): Promise<Forward> {
    const decoded = await decodeMessage<object>(`${PACKAGE}.FilterConfig`, {
      dns_cache_config: { name: "cache" },
      ...message,
    });
    const route = options.route === undefined
      ? undefined
      : await decodeMessage<object>(`${PACKAGE}.PerRouteConfig`, options.route);
    return new Forward(decoded.message, options.port, route?.message);
  }

  private constructor(message: object, port: number | undefined, route: object | undefined) {
    const context = fakeContext({
      extensions: { [dynamicForwardProxy.type]: dynamicForwardProxy },
      services: {
        cluster_manager: { get: () => ({ info: { dynamicForwardPort: port } }) },
        dns_caches: { declare() {}, get: () => this.cache },
      },
    });
    const config = dynamicForwardProxyFactory.compile(message, context, "http.t.");
    this.routeConfig = route && dynamicForwardProxyFactory.compileRoute!(route, context);
    const callbacks = {
      streamInfo: this.info,
      route: () => ({ action: { kind: "route", clusterName: "c" } }),
      routeConfig: () => this.routeConfig,
      sendLocalReply: (reply: LocalReply) => void this.replies.push(reply),
      continueDecoding: () => void this.continued++,
    };
    this.filter = dynamicForwardProxyFactory.create(
      config,
      callbacks as unknown as FilterCallbacks,
    );
  }

  ask(host: string, ...more: [string, string][]): string {
    const headers = HeaderMap.of([":authority", host], ...more);
    const status = this.filter.decodeHeaders!(headers, true);
    return `${status} ${headers.getId(H.authority)}`;
  }

  get reply(): string {
    const reply = this.replies.pop();
    if (reply === undefined) return "none";
    return `${reply.status} ${formatFlags(this.info, 0)} ${reply.details} "${reply.body}"`;
  }
}

const ANSWERS = [
  { name: "a known name goes on", host: "known.test", status: "continue", reply: "none" },
  {
    name: "a name that does not exist",
    host: "gone.test",
    status: "stop_iteration",
    reply:
      '503 DF dns_resolution_failure{cares_norecords:Domain_name_not_found} "DNS resolution failure"',
  },
  {
    name: "a full cache",
    host: "full.test",
    status: "stop_iteration",
    reply: '503 - dns_cache_overflow "DNS cache overflow"',
  },
  {
    name: "an empty host",
    host: "",
    status: "stop_iteration",
    reply: '400 - empty_host_header "Empty host header"',
  },
] as const;

for (const { name, host, status, reply } of ANSWERS) {
  Deno.test(`dynamic_forward_proxy: ${name}`, async () => {
    const forward = await Forward.create();
    assertEquals(forward.ask(host), `${status} ${host}`);
    assertEquals([forward.reply, forward.cache.pending], [reply, 0]);
  });
}

Deno.test("dynamic_forward_proxy: too many waiting requests", async () => {
  const forward = await Forward.create();
  forward.cache.canWait = false;
  assertEquals(forward.ask("known.test"), "stop_iteration known.test");
  assertEquals(
    forward.reply,
    '503 - dynamic_forward_proxy_pending_request_overflow "Dynamic forward proxy pending request overflow"',
  );
});

const OUTCOMES = [
  { name: "an address", entry: KNOWN, continued: 1, reply: "none" },
  {
    name: "a failure",
    entry: GONE,
    continued: 0,
    reply:
      '503 DF dns_resolution_failure{cares_norecords:Domain_name_not_found} "DNS resolution failure"',
  },
  {
    name: "a cache that filled up meanwhile",
    entry: FULL,
    continued: 0,
    reply: '503 - dns_cache_overflow "DNS cache overflow"',
  },
] as const;

for (const { name, entry, continued, reply } of OUTCOMES) {
  Deno.test(`dynamic_forward_proxy: a request that waited gets ${name}`, async () => {
    const forward = await Forward.create();
    assertEquals(forward.ask("new.test"), "stop_all_iteration_and_watermark new.test");
    assertEquals(forward.cache.pending, 1);
    forward.cache.waiter!.onDnsEntry(entry);
    assertEquals([forward.continued, forward.reply, forward.cache.pending], [continued, reply, 0]);
    forward.filter.onDestroy!();
    assertEquals([forward.cache.cancelled, forward.cache.pending], [0, 0]);
  });
}

Deno.test("dynamic_forward_proxy: a request that leaves while it waits lets go of all", async () => {
  const forward = await Forward.create();
  forward.ask("new.test");
  forward.filter.onDestroy!();
  assertEquals([forward.cache.cancelled, forward.cache.pending], [1, 0]);
});

Deno.test("dynamic_forward_proxy: requests for other clusters pass", async () => {
  const forward = await Forward.create({}, {
    port: undefined,
    route: { host_rewrite_literal: "x" },
  });
  assertEquals([forward.ask("gone.test"), forward.cache.loads], ["continue gone.test", []]);
});

const REWRITES = [
  { name: "a literal", route: { host_rewrite_literal: "known:1" }, headers: [], want: "known:1" },
  {
    name: "a header, of which only the first counts",
    route: { host_rewrite_header: "X-Host" },
    headers: [["x-host", "known:2"], ["x-host", "b"]],
    want: "known:2",
  },
  {
    name: "a header that is not there",
    route: { host_rewrite_header: "x-host" },
    headers: [],
    want: "known.test",
  },
] as const;

for (const { name, route, headers, want } of REWRITES) {
  Deno.test(`dynamic_forward_proxy: a route rewrites the host by ${name}`, async () => {
    const forward = await Forward.create({}, { port: 443, route });
    const got = forward.ask("known.test", ...headers as unknown as [string, string][]);
    assertEquals([got, forward.cache.loads], [`continue ${want}`, [`${want} 443`]]);
  });
}

for (const allows of [true, false]) {
  Deno.test(`dynamic_forward_proxy: allow_dynamic_host_from_filter_state ${allows}`, async () => {
    const forward = await Forward.create({ allow_dynamic_host_from_filter_state: allows });
    const text = (value: string) => ({ serialize: () => value, json: () => value });
    forward.info.filterState = new Map([
      ["envoy.upstream.dynamic_host", text("known.state")],
      ["envoy.upstream.dynamic_port", text("81")],
    ]);
    forward.ask("known.test");
    assertEquals(forward.cache.loads, [allows ? "known.state 81" : "known.test 80"]);
  });
}

for (const saves of [true, false]) {
  Deno.test(`dynamic_forward_proxy: save_upstream_address ${saves}`, async () => {
    const forward = await Forward.create({ save_upstream_address: saves });
    forward.ask("known.test");
    assertEquals(forward.info.filterState?.has("envoy.stream.upstream_address") ?? false, saves);
  });
}
