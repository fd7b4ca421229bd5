import { chain, hcm, TYPE, verdict } from "../builders.ts";
import { assertMatch } from "../../support/assert.ts";

function layers(...all: string[]): string {
  return `layered_runtime: { layers: [${all.map((layer) => `{ ${layer} }`).join(", ")}] }`;
}
const GRPC =
  "api_type: GRPC, transport_api_version: V3, grpc_services: [{ envoy_grpc: { cluster_name: x } }]";
const LOG =
  `access_log: [{ name: f, typed_config: { "@type": ${TYPE}envoy.extensions.access_loggers.file.v3.FileAccessLog`;

/** Envoy 1.40's verdicts. */
const ROWS = [
  { name: "an empty admin", text: "admin: {}", want: /^ok/ },
  {
    name: "layers of one name",
    text: layers("name: a, static_layer: {}", "name: a, static_layer: {}"),
    want: /duplicate layer "a"/,
  },
  {
    name: "two admin layers",
    text: layers("name: a, admin_layer: {}", "name: b, admin_layer: {}"),
    want: /at most one admin layer/,
  },
  {
    name: "a layer with a list",
    text: layers("name: a, static_layer: { b: { c: [1] } }"),
    want: /the runtime entry "b.c" must be/,
  },
  { name: "a layer without a name", text: layers("static_layer: {}"), want: /name: value length/ },
  { name: "a layer of nothing", text: layers("name: a"), want: /layer_specifier: one of/ },
  {
    name: "a disk layer that is not there",
    text: layers("name: a, disk_layer: { symlink_root: /nope, subdirectory: x }"),
    want: /^ok/,
  },
  {
    name: "discovery from an unknown cluster",
    text: `node: { id: a, cluster: b }\ndynamic_resources: { ads_config: { ${GRPC} } }`,
    want: /cluster_name: unknown cluster "x"/,
  },
  {
    name: "discovery without a node",
    text: "dynamic_resources: { cds_config: { path_config_source: { path: /dev/null } } }",
    want: /needs node.id and node.cluster/,
  },
  {
    name: "discovery from a file that is not there",
    text:
      "node: { id: a, cluster: b }\ndynamic_resources: { cds_config: { path_config_source: { path: /no/such } } }",
    want: /"\/no\/such" does not exist/,
  },
  {
    name: "a log in a folder that is not there",
    text: hcm(`route_config: { name: r }, ${LOG}, path: /no/such/x.log } }]`),
    want: /folder "\/no\/such" does not exist/,
  },
  {
    name: "a TCP proxy to an unknown cluster",
    text: chain(
      `{ name: t, typed_config: { "@type": ${TYPE}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: x, cluster: zz } }`,
    ),
    want: /^ok/,
  },
];
for (const row of ROWS) {
  Deno.test(`bootstrap: ${row.name}`, () => assertMatch(verdict(row.text), row.want));
}
