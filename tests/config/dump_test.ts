import { LazyDumper, makeDumpJson } from "../../src/config/mod.ts";
import { loadRegistry } from "../../src/proto/registry.ts";
import { ADDRESS, cluster, decode, listeners, TYPE } from "./builders.ts";
import { assertEquals, assertOk } from "../support/assert.ts";

const dumpJson = makeDumpJson(await loadRegistry());

function dumpCluster(body: string): unknown {
  return dumpJson(decode(cluster(`name: a, ${body}`)).bootstrap.staticResources!.clusters[0]!);
}

/** What stands in a cluster beside its name, and how admin shows it; as Envoy 1.40 does. */
const ROWS = [
  {
    name: "nothing that is default",
    body: "type: STATIC, lb_policy: ROUND_ROBIN, respect_dns_ttl: false",
    want: { type: "STATIC" },
  },
  {
    name: "durations of whole seconds",
    body: "connect_timeout: 90s",
    want: { connect_timeout: "90s" },
  },
  {
    name: "durations of milliseconds",
    body: "connect_timeout: 0.25s",
    want: { connect_timeout: "0.250s" },
  },
  {
    name: "durations of nanoseconds",
    body: "connect_timeout: 1.000000001s",
    want: { connect_timeout: "1.000000001s" },
  },
  { name: "enums by name", body: "lb_policy: random", want: { lb_policy: "RANDOM" } },
  {
    name: "wrappers as their value, zero too",
    body: "per_connection_buffer_limit_bytes: 0",
    want: { per_connection_buffer_limit_bytes: 0 },
  },
  {
    name: "64-bit numbers as text",
    body: "ring_hash_lb_config: { minimum_ring_size: 64 }",
    want: { ring_hash_lb_config: { minimum_ring_size: "64" } },
  },
  {
    name: "a Struct as JSON",
    body: 'metadata: { filter_metadata: { x: { b: [1, null, "y"], a: {} } } }',
    want: { metadata: { filter_metadata: { x: { b: [1, null, "y"], a: {} } } } },
  },
  {
    name: "bytes in base64",
    body:
      "health_checks: [{ timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: { send: { binary: aGk= } } }]",
    want: {
      health_checks: [{
        timeout: "1s",
        interval: "1s",
        unhealthy_threshold: 1,
        healthy_threshold: 1,
        tcp_health_check: { send: { binary: "aGk=" } },
      }],
    },
  },
  {
    name: "an Any with its type",
    body:
      `transport_socket: { name: x, typed_config: { "@type": ${TYPE}envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer } }`,
    want: {
      transport_socket: {
        name: "x",
        typed_config: {
          "@type": `${TYPE}envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer`,
        },
      },
    },
  },
];
for (const row of ROWS) {
  Deno.test(`dump shows ${row.name}`, () => {
    assertEquals(dumpCluster(row.body), { name: "a", ...row.want });
  });
}

Deno.test("dump keeps the JSON of a type that has no descriptor", () => {
  const type = "envoy.extensions.transport_sockets.alts.v3.Alts";
  const config = { "@type": TYPE + type, handshaker_service: "x" };
  assertEquals(
    dumpCluster(`transport_socket: { name: x, typed_config: ${JSON.stringify(config)} }`),
    {
      name: "a",
      transport_socket: { name: "x", typed_config: config },
    },
  );
});

Deno.test("dump redacts private keys and passwords, their file names too", () => {
  const tls =
    `"@type": ${TYPE}envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: { tls_certificates: [{ certificate_chain: { inline_string: chain }, private_key: { filename: /secret/key.pem }, password: { inline_bytes: c2VjcmV0 } }] }`;
  const { bootstrap } = decode(
    listeners(
      `${ADDRESS}, filter_chains: [{ transport_socket: { name: tls, typed_config: { ${tls} } } }]`,
    ),
  );
  const text = JSON.stringify(dumpJson(bootstrap));
  assertOk(!text.includes("secret"), text);
  assertOk(text.includes('"private_key":{"filename":"[redacted]"}'), text);
  assertOk(text.includes(`"password":{"inline_bytes":"${btoa("[redacted]")}"}`), text);
  assertOk(text.includes('"certificate_chain":{"inline_string":"chain"}'), text);
});

Deno.test("a lazy dumper shows the same as one with a registry of its own", () => {
  const { bootstrap } = decode(cluster("name: a, connect_timeout: 1s"));
  const dumper = new LazyDumper();
  const root = bootstrap as never;
  assertEquals(dumper.message(root), dumpJson(bootstrap));
  assertEquals(dumper.any(root), {
    "@type": `${TYPE}envoy.config.bootstrap.v3.Bootstrap`,
    ...dumpJson(bootstrap) as object,
  });
});
