// Names over real sockets: the resolver against a DNS server, and the proxy whose hosts it names.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Dispatcher } from "../../src/base/mod.ts";
import { type DnsAnswer } from "../../src/upstream/mod.ts";
import { SystemResolver } from "../../src/upstream/dns/system_resolver.ts";
import type { LookupFamily } from "../../src/upstream/main/discovery.ts";
import { assertEquals } from "../support/assert.ts";
import { type DnsEntry, DnsServer } from "../support/dns_server.ts";
import { startProxy } from "../support/proxy.ts";

const NO_FILES = { readHosts: () => "", readResolvConf: () => "" };

async function resolve(
  server: DnsServer,
  name: string,
  { family = "v4_only" as LookupFamily, usesTcp = false } = {},
): Promise<DnsAnswer> {
  const dispatcher = new Dispatcher();
  const resolver = new SystemResolver({
    dispatcher,
    files: NO_FILES,
    options: {
      servers: [{ kind: "ip", host: "127.0.0.1", port: server.port }],
      usesTcp,
      noSearchDomains: true,
      timeoutMs: 300,
      tries: 2,
    },
  });
  const answer = await new Promise<DnsAnswer>((done) => resolver.resolve(name, family, done));
  resolver.close();
  dispatcher.timers.stop();
  return answer;
}

const LOOKUPS: readonly {
  readonly name: string;
  readonly entry: DnsEntry | undefined;
  readonly options?: { readonly family?: LookupFamily; readonly usesTcp?: boolean };
  readonly want: string;
  readonly asked: readonly string[];
}[] = [
  {
    name: "addresses over UDP",
    entry: { a: ["10.0.0.1", "10.0.0.2"], ttl: 7 },
    want: "10.0.0.1/7000 10.0.0.2/7000",
    asked: ["udp A a.test"],
  },
  {
    name: "a truncated answer again over TCP (RFC 7766 §5)",
    entry: { a: ["10.0.0.1"], isLong: true },
    want: "10.0.0.1/30000",
    asked: ["udp A a.test", "tcp A a.test"],
  },
  {
    name: "TCP where use_tcp_for_dns_lookups asks for it",
    entry: { a: ["10.0.0.1"] },
    options: { usesTcp: true },
    want: "10.0.0.1/30000",
    asked: ["tcp A a.test"],
  },
  {
    name: "an alias",
    entry: { cname: "b.test", a: ["10.0.0.9"] },
    want: "10.0.0.9/30000",
    asked: ["udp A a.test"],
  },
  {
    name: "IPv6 before IPv4 with AUTO",
    entry: { aaaa: ["fc00:0:0:0:0:0:0:1"], a: ["10.0.0.1"] },
    options: { family: "auto" },
    want: "fc00::1/30000",
    asked: ["udp AAAA a.test"],
  },
  {
    name: "IPv4 where AUTO finds no IPv6",
    entry: { a: ["10.0.0.1"] },
    options: { family: "auto" },
    want: "10.0.0.1/30000",
    asked: ["udp AAAA a.test", "udp A a.test"],
  },
  {
    name: "both families with ALL",
    entry: { aaaa: ["fc00:0:0:0:0:0:0:1"], a: ["10.0.0.1"] },
    options: { family: "all" },
    want: "10.0.0.1/30000 fc00::1/30000",
    asked: ["udp A a.test", "udp AAAA a.test"],
  },
  {
    name: "a name that does not exist",
    entry: undefined,
    want: "completed cares_norecords:Domain_name_not_found",
    asked: ["udp A a.test"],
  },
  {
    name: "a name without addresses",
    entry: {},
    want: "completed cares_norecords:DNS_server_returned_answer_with_no_data",
    asked: ["udp A a.test"],
  },
  {
    name: "SERVFAIL, asked again",
    entry: { code: 2 },
    want: "failed cares_failure:DNS_server_returned_general_failure",
    asked: ["udp A a.test", "udp A a.test"],
  },
  {
    name: "a lost datagram, asked again",
    entry: { a: ["10.0.0.1"], silent: 1 },
    want: "10.0.0.1/30000",
    asked: ["udp A a.test", "udp A a.test"],
  },
  {
    name: "a server that never answers",
    entry: { silent: 9 },
    want: "failed cares_failure:Timeout_while_contacting_DNS_servers",
    asked: ["udp A a.test", "udp A a.test"],
  },
];

for (const { name, entry, options = {}, want, asked } of LOOKUPS) {
  Deno.test(`DNS over sockets: ${name}`, async () => {
    const server = await DnsServer.start(entry === undefined ? {} : { "a.test": entry });
    try {
      const { status, addresses, details } = await resolve(server, "a.test", options);
      const found = addresses.map(({ host, ttlMs }) => `${host}/${ttlMs}`).join(" ");
      assertEquals([found === "" ? `${status} ${details}` : found, server.asked], [want, asked]);
    } finally {
      await server.stop();
    }
  });
}

const FORWARD = `
admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{admin}} } } }
static_resources:
  listeners:
  - name: l
    address: { socket_address: { address: 127.0.0.1, port_value: {{http}} } }
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config: { virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: forward } }] }] }
          http_filters:
          - name: envoy.filters.http.dynamic_forward_proxy
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig
              dns_cache_config: &cache
                name: cache
                dns_lookup_family: V4_ONLY
                dns_min_refresh_rate: 1s
                max_hosts: 3
                typed_dns_resolver_config:
                  name: envoy.network.dns_resolver.cares
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
                    resolvers: [{ socket_address: { address: 127.0.0.1, port_value: {{dns}} } }]
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
  - name: forward
    lb_policy: CLUSTER_PROVIDED
    cluster_type:
      name: envoy.clusters.dynamic_forward_proxy
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig
        dns_cache_config: *cache
`;

/** Status and body of a GET with this Host, on a connection of its own. */
async function ask(port: number, host: string): Promise<string> {
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  const text = `GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
  await client.write(new TextEncoder().encode(text));
  const answer = await new Response(client.readable).text();
  return `${answer.slice(9, 12)} ${answer.slice(answer.indexOf("\r\n\r\n") + 4)}`;
}

Deno.test("a dynamic forward proxy of two workers resolves a name once, and no more than it may", async () => {
  const backend = createServer((request, response) => response.end(`to ${request.headers.host}`));
  await new Promise<void>((listening) => backend.listen(0, "127.0.0.1", listening));
  const { port } = backend.address() as AddressInfo;
  const server = await DnsServer.start({ "a.test": { a: ["127.0.0.1"] } });
  const proxy = await startProxy({
    config: FORWARD,
    ports: { dns: server.port },
    args: ["--concurrency", "2"],
  });
  try {
    const http = proxy.ports["http"]!;
    // Many connections, so that both workers have some of them.
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => ask(http, `a.test:${port}`)),
    );
    assertEquals(new Set(answers), new Set([`200 to a.test:${port}`]));
    assertEquals(server.asked, ["udp A a.test"]);
    const failed = await Promise.all([ask(http, "gone.test"), ask(http, "gone.test")]);
    assertEquals(new Set(failed), new Set(["503 DNS resolution failure"]));
    for (const name of ["b.test", "c.test"]) await ask(http, name);
    assertEquals(await ask(http, "d.test"), "503 DNS cache overflow");
    assertEquals(await proxy.stat("dns_cache.cache.num_hosts"), 3);
    assertEquals(await proxy.stat("cluster.forward.membership_total"), 1);
    assertEquals(await proxy.stat("dns_cache.cache.circuit_breakers.rq_pending_remaining"), 1024);
  } finally {
    await proxy.stop();
    await server.stop();
    backend.close();
  }
});
