/** What reaches the filters of a request: the rows of the conformance area `headers`. */

import { assertEquals } from "../support/assert.ts";
import { Harness } from "./harness.ts";

const loopback = {
  internal_address_config: {
    cidr_ranges: [
      { address_prefix: "127.0.0.0", prefix_len: 8 },
      { address_prefix: "10.0.0.0", prefix_len: 8 },
    ],
  },
};
const edge = { use_remote_address: true };
const UUID = "<uuid>";
const custom = (fields: object) => ({
  original_ip_detection_extensions: [{
    name: "custom",
    typed_config: {
      "@type":
        "type.googleapis.com/envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig",
      header_name: "x-real-ip",
      ...fields,
    },
  }],
});

interface Row {
  readonly name: string;
  readonly config: object;
  readonly headers?: readonly string[];
  readonly want: readonly string[];
  readonly client?: string;
}

const PROTO = "x-forwarded-proto: http";
const ID = `x-request-id: ${UUID}`;
const ROWS: readonly Row[] = [
  {
    name: "use_remote_address false: x-forwarded-for is left alone, its last address is the client",
    config: {},
    headers: ["x-forwarded-for: 1.2.3.4, 5.6.7.8"],
    want: ["x-forwarded-for: 1.2.3.4, 5.6.7.8", PROTO, ID],
    client: "5.6.7.8",
  },
  { name: "use_remote_address false: none is added", config: {}, want: [PROTO, ID] },
  {
    name: "xff_num_trusted_hops 1: the one before the last is the client",
    config: { xff_num_trusted_hops: 1 },
    headers: ["x-forwarded-for: 1.1.1.1, 2.2.2.2, 3.3.3.3"],
    want: ["x-forwarded-for: 1.1.1.1, 2.2.2.2, 3.3.3.3", PROTO, ID],
    client: "2.2.2.2",
  },
  {
    name: "xff_num_trusted_hops with too few hops",
    config: { xff_num_trusted_hops: 1 },
    headers: ["x-forwarded-for: 1.1.1.1"],
    want: ["x-forwarded-for: 1.1.1.1", PROTO, ID],
  },
  {
    name: "an internal address in x-forwarded-for makes the request internal",
    config: loopback,
    headers: ["x-forwarded-for: 10.1.2.3"],
    want: ["x-forwarded-for: 10.1.2.3", PROTO, "x-envoy-internal: true", ID],
    client: "10.1.2.3",
  },
  {
    name: "two addresses never make it internal",
    config: loopback,
    headers: ["x-forwarded-for: 10.1.2.3, 10.1.2.4"],
    want: ["x-forwarded-for: 10.1.2.3, 10.1.2.4", PROTO, ID],
    client: "10.1.2.4",
  },
  {
    name: "x-forwarded-for that is no address",
    config: {},
    headers: ["x-forwarded-for: not-an-address"],
    want: ["x-forwarded-for: not-an-address", PROTO, ID],
  },
  {
    name: "use_remote_address: the peer is appended, loopback as the machine's own address",
    config: edge,
    headers: ["x-forwarded-for: 1.2.3.4"],
    want: [
      "x-forwarded-for: 1.2.3.4,10.9.9.9",
      PROTO,
      "x-envoy-external-address: 127.0.0.1",
      ID,
    ],
  },
  {
    name: "use_remote_address: repeated x-forwarded-for headers become one",
    config: edge,
    headers: ["x-forwarded-for: 1.1.1.1", "x-forwarded-for: 2.2.2.2"],
    want: [
      "x-forwarded-for: 1.1.1.1,2.2.2.2,10.9.9.9",
      PROTO,
      "x-envoy-external-address: 127.0.0.1",
      ID,
    ],
  },
  {
    name: "use_remote_address with xff_num_trusted_hops 2 takes the one before the last",
    config: { ...edge, xff_num_trusted_hops: 2 },
    headers: ["x-forwarded-for: 1.1.1.1, 2.2.2.2"],
    want: [
      "x-forwarded-for: 1.1.1.1, 2.2.2.2,10.9.9.9",
      PROTO,
      "x-envoy-external-address: 1.1.1.1",
      ID,
    ],
    client: "1.1.1.1",
  },
  {
    name: "skip_xff_append",
    config: { ...edge, skip_xff_append: true },
    headers: ["x-forwarded-for: 1.2.3.4"],
    want: ["x-forwarded-for: 1.2.3.4", PROTO, "x-envoy-external-address: 127.0.0.1", ID],
  },
  {
    name: "an internal peer sets x-envoy-internal and no external address",
    config: { ...edge, ...loopback },
    want: ["x-forwarded-for: 10.9.9.9", PROTO, "x-envoy-internal: true", ID],
  },
  {
    name: "x-forwarded-proto of an untrusted client is replaced",
    config: edge,
    headers: ["x-forwarded-proto: https"],
    want: [
      PROTO,
      "x-forwarded-for: 10.9.9.9",
      "x-envoy-external-address: 127.0.0.1",
      ID,
    ],
  },
  {
    name: "x-forwarded-proto is kept without use_remote_address",
    config: {},
    headers: ["x-forwarded-proto: https"],
    want: ["x-forwarded-proto: https", ID],
  },
  {
    name: "append_x_forwarded_port",
    config: { ...edge, append_x_forwarded_port: true },
    headers: ["x-forwarded-port: 99"],
    want: [
      "x-forwarded-port: 8080",
      "x-forwarded-for: 10.9.9.9",
      PROTO,
      "x-envoy-external-address: 127.0.0.1",
      ID,
    ],
  },
  {
    name: "scheme_header_transformation",
    config: { scheme_header_transformation: { scheme_to_overwrite: "https" } },
    want: ["x-forwarded-proto: https", ID],
  },
  {
    name: "custom header detection takes the address",
    config: custom({ allow_extension_to_set_address_as_trusted: true }),
    headers: ["x-real-ip: 9.9.9.9"],
    want: ["x-real-ip: 9.9.9.9", PROTO, ID],
    client: "9.9.9.9",
  },
  {
    name: "via is appended",
    config: { via: "conf-1" },
    headers: ["via: 1.0 other"],
    want: ["via: 1.0 other, conf-1", PROTO, ID],
  },
  {
    name: "add_user_agent keeps an existing user-agent",
    config: { ...edge, add_user_agent: true },
    headers: ["user-agent: mine"],
    want: [
      "user-agent: mine",
      "x-forwarded-for: 10.9.9.9",
      PROTO,
      "x-envoy-downstream-service-cluster: cluster-1",
      "x-envoy-downstream-service-node: node-1",
      "x-envoy-external-address: 127.0.0.1",
      ID,
    ],
  },
  {
    name: "steering headers of an external request are removed, others pass",
    config: edge,
    headers: [
      "x-envoy-internal: true",
      "x-envoy-downstream-service-cluster: c",
      "x-envoy-decorator-operation: op",
      "x-envoy-original-path: /spoofed",
      "x-envoy-original-host: spoofed.test",
      "x-envoy-expected-rq-timeout-ms: 5",
      "x-envoy-force-trace: true",
      "x-envoy-ip-tags: tag",
      "x-envoy-max-retries: 3",
      "x-envoy-retry-on: 5xx",
      "x-envoy-upstream-rq-timeout-ms: 5000",
      "x-envoy-original-url: u",
      "x-envoy-attempt-count: 7",
      "x-envoy-hedge-on-per-try-timeout: true",
      "x-envoy-unknown: kept",
      "x-forwarded-client-cert: By=x",
    ],
    want: [
      "x-envoy-attempt-count: 7",
      "x-envoy-unknown: kept",
      "x-forwarded-for: 10.9.9.9",
      PROTO,
      "x-envoy-external-address: 127.0.0.1",
      ID,
    ],
  },
  {
    name: "without use_remote_address the service's own headers pass",
    config: {},
    headers: ["x-envoy-downstream-service-cluster: c", "x-envoy-retry-on: 5xx"],
    want: ["x-envoy-downstream-service-cluster: c", PROTO, ID],
  },
  {
    name: "ALWAYS_FORWARD_ONLY keeps x-forwarded-client-cert",
    config: { forward_client_cert_details: "ALWAYS_FORWARD_ONLY" },
    headers: ["x-forwarded-client-cert: By=x"],
    want: ["x-forwarded-client-cert: By=x", PROTO, ID],
  },
  {
    name: "x-request-id is kept without use_remote_address",
    config: {},
    headers: ["x-request-id: mine"],
    want: ["x-request-id: mine", PROTO],
  },
  {
    name: "x-request-id of an external request is replaced at the edge",
    config: edge,
    headers: ["x-request-id: mine"],
    want: [ID, "x-forwarded-for: 10.9.9.9", PROTO, "x-envoy-external-address: 127.0.0.1"],
  },
  {
    name: "preserve_external_request_id keeps it",
    config: { ...edge, preserve_external_request_id: true },
    headers: ["x-request-id: mine"],
    want: [
      "x-request-id: mine",
      "x-forwarded-for: 10.9.9.9",
      PROTO,
      "x-envoy-external-address: 127.0.0.1",
    ],
  },
  {
    name: "generate_request_id false adds none",
    config: { generate_request_id: false },
    want: [PROTO],
  },
  {
    name: "hop-by-hop headers go, and those that connection names",
    config: {},
    headers: [
      "connection: x-private, keep-alive",
      "x-private: 1",
      "x-public: 2",
      "keep-alive: timeout=5",
      "proxy-connection: keep-alive",
      "upgrade: foo",
    ],
    want: ["x-public: 2", PROTO, ID],
  },
  {
    name: "te: trailers is kept",
    config: {},
    headers: ["te: trailers"],
    want: ["te: trailers", PROTO, ID],
  },
  {
    name: "te with a weight is removed",
    config: {},
    headers: ["te: gzip, trailers;q=0.5"],
    want: [PROTO, ID],
  },
  {
    name: "te with trailers among others keeps trailers alone",
    config: {},
    headers: ["te: gzip, trailers"],
    want: ["te: trailers", PROTO, ID],
  },
  {
    name: "early header mutation comes first",
    config: {
      early_header_mutation_extensions: [{
        name: "early",
        typed_config: {
          "@type":
            "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
          mutations: [{ remove: "x-gone" }, {
            append: { header: { key: "x-new", value: "%REQ(x-kept)%" } },
          }],
        },
      }],
    },
    headers: ["x-gone: 1", "x-kept: 2"],
    want: ["x-kept: 2", "x-new: 2", PROTO, ID],
  },
];

for (const row of ROWS) {
  Deno.test(`Request headers: ${row.name}`, async () => {
    const harness = await Harness.create(row.config, {
      facts: { nodeId: "node-1", nodeCluster: "cluster-1" },
    });
    harness.send(["GET / HTTP/1.1", "Host: c", ...(row.headers ?? []), "", ""].join("\r\n"));
    const got = harness.lastSeen().map((line) =>
      line.replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/, UUID)
    );
    assertEquals(got, [...row.want]);
    const remote = harness.infos[0]!.remoteAddress;
    assertEquals(remote.kind === "ip" && remote.host, row.client ?? "127.0.0.1");
  });
}

Deno.test("Original IP detection refuses a request without its header", async () => {
  const harness = await Harness.create(custom({ reject_with_status: { code: "Unauthorized" } }));
  const reply = harness.send("GET / HTTP/1.1\r\nHost: c\r\n\r\n");
  assertEquals(reply.split("\r\n")[0], "HTTP/1.1 401 Unauthorized");
  assertEquals(harness.logged, ["401 - rejecting_because_detection_failed"]);
  assertEquals(harness.seen, []);
});

Deno.test("A peer that is no loopback address stands in x-forwarded-for itself", async () => {
  const harness = await Harness.create(edge, { peer: "8.8.8.8" });
  harness.send("GET / HTTP/1.1\r\nHost: c\r\n\r\n");
  assertEquals(harness.lastSeen()[0], "x-forwarded-for: 8.8.8.8");
});
