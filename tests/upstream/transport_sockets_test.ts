// transport_socket_matches: metadata of an endpoint or its locality chooses how it is reached.

import { assertEquals } from "../support/assert.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";
import { SocketMatches, TransportSockets } from "../../src/upstream/transport_sockets.ts";
import { assignment, Bench, clusterOf, endpoint } from "./support.ts";

const RAW = {
  name: "raw",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
  },
};
const tls = (sni: string): object => ({
  name: "tls",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    sni,
  },
});
const own = (values: object | undefined) =>
  values === undefined ? undefined : { "envoy.transport_socket_match": values };
const metadata = (values: object): object => ({ metadata: { filter_metadata: own(values) } });

const MATCHES = {
  transport_socket_matches: [
    { name: "secure", match: { secure: true }, transport_socket: tls("a.test") },
    { name: "both", match: { zone: "x", list: [1, 2] }, transport_socket: RAW },
  ],
};

const ROWS = [
  {
    name: "no metadata: the cluster's own",
    endpoint: undefined,
    locality: undefined,
    want: "default",
  },
  {
    name: "a value that is equal",
    endpoint: { secure: true },
    locality: undefined,
    want: "secure",
  },
  {
    name: "a value of another type",
    endpoint: { secure: "true" },
    locality: undefined,
    want: "default",
  },
  {
    name: "all labels, among others",
    endpoint: { zone: "x", list: [1, 2], more: 1 },
    locality: undefined,
    want: "both",
  },
  { name: "one label of two", endpoint: { zone: "x" }, locality: undefined, want: "default" },
  {
    name: "no member for a list",
    endpoint: { zone: "x", list: 1 },
    locality: undefined,
    want: "default",
  },
  { name: "the locality's", endpoint: undefined, locality: { secure: true }, want: "secure" },
  {
    name: "the endpoint's before the locality's, whatever their order",
    endpoint: { zone: "x", list: [1, 2] },
    locality: { secure: true },
    want: "both",
  },
] as const;

for (const row of ROWS) {
  Deno.test(`transport_socket_matches: ${row.name}`, async () => {
    const matches = new SocketMatches(await clusterOf(MATCHES));
    assertEquals(matches.names[matches.indexOf(own(row.endpoint), own(row.locality))], row.want);
  });
}

Deno.test("transport_socket_matches: a match without labels takes every endpoint", async () => {
  const matches = new SocketMatches(
    await clusterOf({ transport_socket_matches: [{ name: "all", transport_socket: RAW }] }),
  );
  assertEquals([matches.indexOf(undefined, undefined), matches.indexOf(own({ a: 1 }), undefined)], [
    0,
    0,
  ]);
});

async function socketsOf(more: object): Promise<TransportSockets> {
  return new TransportSockets(await clusterOf({ ...MATCHES, ...more }), {
    context: fakeContext(),
    compileTls: () => ({ session: () => ({}) as never }),
  });
}

Deno.test("transport_socket_matches: each match has its socket, the cluster's is left over", async () => {
  const sockets = await socketsOf({ transport_socket: tls("b.test") });
  const isTls = (values: object | undefined) =>
    sockets.socketOf(own(values), undefined).tls !== undefined;
  assertEquals([isTls({ secure: true }), isTls({ zone: "x", list: [1, 2] }), isTls(undefined)], [
    true,
    false,
    true,
  ]);
  assertEquals(sockets.areAllTls, false);
});

Deno.test("transport_socket_match_criteria choose the socket of health checks", async () => {
  const check = (criteria: object) => ({
    health_checks: [{
      timeout: "1s",
      interval: "1s",
      unhealthy_threshold: 1,
      healthy_threshold: 1,
      tcp_health_check: {},
      ...criteria,
    }],
  });
  const without = await socketsOf(check({}));
  assertEquals(without.socketForChecks(undefined), undefined);
  const secure = await socketsOf(check({ transport_socket_match_criteria: { secure: true } }));
  assertEquals(secure.socketForChecks(undefined)?.name, "secure");
  const other = await socketsOf(check({ transport_socket_match_criteria: { secure: 1 } }));
  assertEquals(other.socketForChecks(undefined)?.name, "default");
});

Deno.test("transport_socket_matches: hosts are counted by the match they have", async () => {
  const bench = new Bench();
  await bench.add({
    transport_socket_matches: [{ name: "plain", match: { p: 1 }, transport_socket: RAW }],
    ...assignment(
      { lb_endpoints: [endpoint(1, metadata({ p: 1 })), endpoint(2)] },
      { lb_endpoints: [endpoint(3)], ...metadata({ p: 1 }) },
    ),
  });
  assertEquals(bench.stats(/total_match_count/), {
    "default.total_match_count": 1,
    "plain.total_match_count": 2,
  });
});
