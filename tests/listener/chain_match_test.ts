import type { Address } from "../../src/base/mod.ts";
import type { AcceptedSocket } from "../../src/filter_chain/mod.ts";
import { StreamInfo } from "../../src/http/mod.ts";
import { FilterChainMatcher } from "../../src/listener/chain_match.ts";
import type { envoy_config_listener_v3_FilterChainMatch } from "../../src/proto/mod.ts";
import { testContext } from "../net/tls_messages.ts";
import { assertEquals } from "../support/assert.ts";

type Match = envoy_config_listener_v3_FilterChainMatch;

function match(more: Partial<Match>): Match {
  return {
    $typeName: "envoy.config.listener.v3.FilterChainMatch",
    prefixRanges: [],
    addressSuffix: "",
    directSourcePrefixRanges: [],
    sourceType: 0,
    sourcePrefixRanges: [],
    sourcePorts: [],
    serverNames: [],
    transportProtocol: "",
    applicationProtocols: [],
    ...more,
  };
}

const range = (addressPrefix: string, prefixLen: number) =>
  ({ $typeName: "envoy.config.core.v3.CidrRange", addressPrefix, prefixLen }) as const;

const ip = (host: string, port: number): Address => ({ kind: "ip", host, port });

interface Facts {
  readonly to?: Address;
  readonly from?: Address;
  readonly direct?: Address;
  readonly sni?: string;
  readonly transport?: string;
  readonly alpn?: readonly string[];
}

function socket(facts: Facts): AcceptedSocket {
  const remote = facts.from ?? ip("10.0.0.9", 5000);
  return {
    directRemoteAddress: facts.direct ?? remote,
    remoteAddress: remote,
    localAddress: facts.to ?? ip("10.0.0.1", 443),
    transportProtocol: facts.transport ?? "",
    requestedServerName: facts.sni ?? "",
    applicationProtocols: facts.alpn ?? [],
    ja3Hash: "",
    ja4Hash: "",
    streamInfo: undefined as unknown as StreamInfo,
  };
}

const ROWS: {
  name: string;
  chains: { readonly [name: string]: Partial<Match> | undefined };
  cases: readonly (readonly [Facts, string | undefined])[];
}[] = [
  {
    name: "server names: exact, longest wildcard, none",
    chains: {
      a: { serverNames: ["a.test", "Also.Test"] },
      wild: { serverNames: ["*.wild.test"] },
      deep: { serverNames: ["*.deep.wild.test"] },
      exact: { serverNames: ["exact.wild.test"] },
      rest: undefined,
    },
    cases: [
      [{ sni: "a.test" }, "a"],
      [{ sni: "also.test" }, "a"],
      [{ sni: "x.wild.test" }, "wild"],
      [{ sni: "y.x.wild.test" }, "wild"],
      [{ sni: "x.deep.wild.test" }, "deep"],
      [{ sni: "exact.wild.test" }, "exact"],
      [{ sni: "wild.test" }, "rest"],
      [{ sni: "" }, "rest"],
      [{ sni: "test" }, "rest"],
    ],
  },
  {
    name: "without a catch-all an unknown name matches nothing",
    chains: { a: { serverNames: ["a.test"] } },
    cases: [[{ sni: "b.test" }, undefined], [{}, undefined]],
  },
  {
    name: "there is no way back from a more specific entry",
    chains: {
      named: { serverNames: ["a.test"], transportProtocol: "tls" },
      plain: { transportProtocol: "raw_buffer" },
    },
    cases: [
      [{ sni: "a.test", transport: "tls" }, "named"],
      [{ sni: "a.test" }, undefined],
      [{ transport: "raw_buffer" }, "plain"],
      [{}, "plain"],
    ],
  },
  {
    name: "application protocols in the client's order",
    chains: {
      h2: { applicationProtocols: ["h2"] },
      http1: { applicationProtocols: ["http/1.1"] },
      rest: undefined,
    },
    cases: [
      [{ alpn: ["http/1.1", "h2"] }, "http1"],
      [{ alpn: ["h2", "http/1.1"] }, "h2"],
      [{ alpn: ["spdy/3"] }, "rest"],
      [{}, "rest"],
    ],
  },
  {
    name: "destination ranges: the longest prefix, both families",
    chains: {
      host: { prefixRanges: [range("10.0.0.1", 32)] },
      net: { prefixRanges: [range("10.0.0.0", 8), range("2001:db8::", 32)] },
      rest: undefined,
    },
    cases: [
      [{ to: ip("10.0.0.1", 443) }, "host"],
      [{ to: ip("10.9.9.9", 443) }, "net"],
      [{ to: ip("2001:db8::5", 443) }, "net"],
      [{ to: ip("192.168.0.1", 443) }, "rest"],
      [{ to: ip("::1", 443) }, "rest"],
      [{ to: { kind: "pipe", path: "/s" } }, "rest"],
    ],
  },
  {
    name: "a destination port goes before all, and has no way back",
    chains: {
      port: { destinationPort: 443, serverNames: ["a.test"] },
      name: { serverNames: ["b.test"] },
    },
    cases: [
      [{ sni: "a.test" }, "port"],
      [{ sni: "b.test" }, undefined],
      [{ sni: "b.test", to: ip("10.0.0.1", 80) }, "name"],
    ],
  },
  {
    name: "source ranges and ports",
    chains: {
      host: { sourcePrefixRanges: [range("10.0.0.9", 32)] },
      port: { sourcePrefixRanges: [range("10.0.0.0", 8)], sourcePorts: [5000] },
      net: { sourcePrefixRanges: [range("10.0.0.0", 8)] },
    },
    cases: [
      [{ from: ip("10.0.0.9", 5000) }, "host"],
      [{ from: ip("10.0.0.8", 5000) }, "port"],
      [{ from: ip("10.0.0.8", 5001) }, "net"],
      [{ from: ip("11.0.0.8", 5000) }, undefined],
    ],
  },
  {
    name: "the direct source is the socket's peer, the source what PROXY said",
    chains: {
      both: {
        directSourcePrefixRanges: [range("127.0.0.1", 32)],
        sourcePrefixRanges: [range("10.1.0.0", 16)],
      },
      direct: { directSourcePrefixRanges: [range("127.0.0.1", 32)] },
      rest: undefined,
    },
    cases: [
      [{ direct: ip("127.0.0.1", 1), from: ip("10.1.2.3", 1) }, "both"],
      [{ direct: ip("127.0.0.1", 1), from: ip("10.2.2.3", 1) }, "direct"],
      [{ direct: ip("127.0.0.4", 1), from: ip("10.1.2.3", 1) }, "rest"],
    ],
  },
  {
    name: "source type: of loopback only 127.0.0.1 and ::1 are this machine",
    chains: { here: { sourceType: 1 }, outside: { sourceType: 2 } },
    cases: [
      [{ from: ip("127.0.0.1", 1) }, "here"],
      [{ from: ip("::1", 1) }, "here"],
      [{ from: ip("10.0.0.1", 1) }, "here"],
      [{ from: ip("127.0.0.9", 1), to: ip("127.0.0.1", 1) }, "outside"],
      [{ from: ip("10.0.0.9", 1) }, "outside"],
      [{ from: { kind: "pipe", path: "" } }, "here"],
    ],
  },
  {
    name: "source type ANY where the own type has no entry",
    chains: { here: { sourceType: 1 }, any: undefined },
    cases: [[{ from: ip("10.0.0.9", 1) }, "any"], [{ from: ip("127.0.0.1", 1) }, "here"]],
  },
];

for (const row of ROWS) {
  Deno.test(`FilterChainMatcher: ${row.name}`, () => {
    const { context, problems } = testContext();
    const matcher = new FilterChainMatcher<string>();
    for (const [name, criteria] of Object.entries(row.chains)) {
      const message = criteria === undefined ? undefined : match(criteria);
      assertEquals(matcher.add(message, name, context), true, name);
    }
    assertEquals(problems, []);
    for (const [facts, want] of row.cases) {
      assertEquals(matcher.match(socket(facts)), want, JSON.stringify(facts));
    }
  });
}

const OVERLAPS: { name: string; a: Partial<Match> | undefined; b: Partial<Match> }[] = [
  { name: "two that match all", a: undefined, b: {} },
  {
    name: "one name in common",
    a: { serverNames: ["a.test", "b.test"] },
    b: { serverNames: ["b.test"] },
  },
  { name: "names in another case", a: { serverNames: ["A.test"] }, b: { serverNames: ["a.test"] } },
  {
    name: "one range written in two ways",
    a: { prefixRanges: [range("10.1.2.3", 8)] },
    b: { prefixRanges: [range("10.0.0.0", 8)] },
  },
];
for (const row of OVERLAPS) {
  Deno.test(`FilterChainMatcher finds overlapping chains: ${row.name}`, () => {
    const { context } = testContext();
    const matcher = new FilterChainMatcher<string>();
    matcher.add(row.a === undefined ? undefined : match(row.a), "a", context);
    assertEquals(matcher.add(match(row.b), "b", context), false);
  });
}

const REFUSED = [
  { name: "a*.test", field: "server_names[0]" },
  { name: "*", field: "server_names[0]" },
  { name: "*.a.*", field: "server_names[0]" },
] as const;
for (const row of REFUSED) {
  Deno.test(`FilterChainMatcher refuses the server name ${row.name}`, () => {
    const { context, problems } = testContext();
    new FilterChainMatcher<string>().add(match({ serverNames: [row.name] }), "a", context);
    assertEquals(problems, [
      `error ${row.field}: partial wildcards are not supported in "server_names"`,
    ]);
  });
}
