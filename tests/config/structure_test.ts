import { chain, cluster, decode, errors, hcm, TYPE, verdict } from "./builders.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";

const HCM_NAME =
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const HCM_V2 = "envoy.config.filter.network.http_connection_manager.v2.HttpConnectionManager";
const A_CLUSTER = "&c { name: a, type: STATIC }";

/** Envoy 1.40's verdicts. */
const ROWS = [
  {
    name: "an unknown field",
    text: cluster("name: a, typ: STATIC"),
    want: /did you mean "type"\?/,
  },
  {
    name: "camelCase",
    text: cluster("name: a, connectTimeout: 1s, lbPolicy: RANDOM"),
    want: /^ok/,
  },
  {
    name: "a map for a list",
    text: "static_resources: { clusters: { name: a, type: STATIC } }",
    want: /^ok/,
  },
  { name: "a word for a list", text: "node: { id: a, client_features: x }", want: /^ok/ },
  { name: "null for a list", text: cluster("name: a, health_checks: null"), want: /^ok/ },
  {
    name: "null in a list of words",
    text: "node: { id: a, client_features: [null, b] }",
    want: /^ok/,
  },
  {
    name: "null in a list of messages, which is an empty one",
    text: cluster("name: a, health_checks: [null]"),
    want: /health_checks\[0\]\.timeout: value is required/,
  },
  { name: "nothing for a message", text: cluster("name: a, outlier_detection: "), want: /^ok/ },
  {
    name: "a word for a message",
    text: cluster("name: a, outlier_detection: 5"),
    want: /\(a map\), found 5/,
  },
  {
    name: "a list for a message",
    text: cluster("name: a, outlier_detection: []"),
    want: /found a list/,
  },
  {
    name: "two members of a oneof",
    text: cluster("name: a, type: STATIC, cluster_type: { name: x }"),
    want: /cluster_type: only one of "cluster_discovery_type" may be set/,
  },
  { name: "a key twice", text: cluster("name: a, name: b, type: STATIC"), want: /^ok/ },
  {
    name: "a key in both spellings",
    text: cluster("name: a, lb_policy: RANDOM, lbPolicy: MAGLEV"),
    want: /^ok/,
  },
  {
    name: "an alias",
    text: `!ignore x: ${A_CLUSTER}\nstatic_resources: { clusters: [*c] }`,
    want: /^ok/,
  },
  { name: "an anchor's own key", text: `x: ${A_CLUSTER}`, want: /unknown field "x"/ },
  {
    name: "an alias without an anchor",
    text: "node: *n",
    want: /no anchor "n" before it|Unresolved alias/,
  },
  {
    name: "a merge key",
    text: `!ignore x: ${A_CLUSTER}\nstatic_resources: { clusters: [{ <<: *c, name: b }] }`,
    want: /unknown field "<<"/,
  },
  { name: "a second document", text: "node: { id: a }\n---\nfoo: bar\n", want: /^ok/ },
  { name: "a byte order mark", text: "\uFEFFnode: { id: a }", want: /^ok/ },
  { name: "an empty file", text: "", want: /expected envoy.config.bootstrap.v3.Bootstrap/ },
  { name: "a list", text: "- a", want: /found a list/ },
  { name: "an open bracket", text: "static_resources: { clusters: [", want: /./ },
  { name: "a tab", text: "static_resources:\n\tclusters: []", want: /./ },
  { name: "a list as a key", text: "[a]: b", want: /a map's key must be a word/ },
  {
    name: "__proto__ as a field",
    text: "__proto__: { a: 1 }\nnode: { id: a }",
    want: /unknown field "__proto__"/,
  },
  {
    name: "constructor as a field",
    text: "node: { id: a, constructor: 1 }",
    want: /unknown field "constructor"/,
  },
];
for (const row of ROWS) {
  Deno.test(`structure: ${row.name}`, () => assertMatch(verdict(row.text), row.want));
}

const ANYS = [
  { name: "without @type", config: "{ stat_prefix: x }", want: /"@type" is missing/ },
  { name: "that is a word", config: "x", want: /expected a map with "@type"/ },
  {
    name: "misspelt",
    config: `{ "@type": ${TYPE}${HCM_NAME.replace("Connection", "Conection")} }`,
    want: /did you mean "type.googleapis.com\/envoy.extensions.*HttpConnectionManager"/,
  },
  {
    name: "of v2",
    config: `{ "@type": ${TYPE}${HCM_V2} }`,
    want: /in v3: "type.googleapis.com\/envoy.extensions.*v3.HttpConnectionManager"/,
  },
  {
    name: "without a prefix",
    config: `{ "@type": ${HCM_NAME} }`,
    want: /write "type.googleapis.com\//,
  },
  {
    name: "with another prefix",
    config: `{ "@type": foo.com/${HCM_NAME}, stat_prefix: x, route_config: { name: r } }`,
    want: /^ok/,
  },
  {
    name: "TypedStruct",
    config:
      `{ "@type": ${TYPE}xds.type.v3.TypedStruct, type_url: ${TYPE}${HCM_NAME}, value: { stat_prefix: x, route_config: { name: r } } }`,
    want: /^ok/,
  },
  {
    name: "TypedStruct with an unknown field",
    config:
      `{ "@type": ${TYPE}xds.type.v3.TypedStruct, type_url: ${TYPE}${HCM_NAME}, value: { stat_prefixx: x, route_config: { name: r } } }`,
    want: /typed_config\.value\.stat_prefixx: unknown field .*did you mean "stat_prefix"/,
  },
  {
    name: "of a message that is no extension",
    config: `{ "@type": ${TYPE}envoy.config.cluster.v3.Cluster, name: a }`,
    want: /envoy.config.cluster.v3.Cluster is no extension of envoy.filters.network/,
  },
  {
    name: "of an extension for elsewhere",
    config: `{ "@type": ${TYPE}envoy.extensions.filters.http.router.v3.Router }`,
    want: /is no extension of envoy.filters.network/,
  },
];
for (const row of ANYS) {
  Deno.test(`typed_config ${row.name}`, () => {
    const name = "envoy.filters.network.http_connection_manager";
    const said = errors(chain(`{ name: ${name}, typed_config: ${row.config} }`));
    assertMatch(said.join("\n") || "ok", row.want);
  });
}

Deno.test("a filter by name only gets the type to write", () => {
  assertMatch(
    verdict(hcm("route_config: { name: r }", "{ name: envoy.router }")),
    /"envoy.router" has no typed_config.*envoy.extensions.filters.http.router.v3.Router/,
  );
});

Deno.test("a type that only Envoy knows is kept as JSON and named, not refused as unknown", () => {
  const type = "envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy";
  const { problems, bootstrap } = decode(
    chain(`{ name: m, typed_config: { "@type": ${TYPE}${type}, stat_prefix: m } }`, "{ name: e }"),
  );
  const filter = bootstrap.staticResources!.listeners[0]!.filterChains[0]!.filters[0]!;
  assertEquals(filter.configType.value, { $typeName: type, json: { stat_prefix: "m" } } as never);
  const said = problems.find((problem) => problem.hint?.startsWith(type));
  assertEquals(said?.severity, "unsupported_refused");
  assertEquals(said?.hint, `${type}: connections would pass without this filter`);
});

Deno.test("all problems of a file come in one run, in the order of the text, with positions", () => {
  const text = [
    "static_resources:",
    "  clusters:",
    "  - name: a",
    "    hosts: []",
    "    lb_policy: RUOND_ROBIN",
    "  - type: STATIC",
    "    connect_timeout: 250ms",
    "nodes: {}",
  ].join("\n");
  const said = decode(text, { file: "edge.yaml" }).problems.map((p) =>
    `${p.line}:${p.column} ${p.path}`
  );
  assertEquals(said, [
    "4:5 static_resources.clusters[0].hosts",
    "5:16 static_resources.clusters[0].lb_policy",
    "6:5 static_resources.clusters[1].name",
    "7:22 static_resources.clusters[1].connect_timeout",
    "8:1 nodes",
  ]);
});

Deno.test("a value that is refused is not missed as well", () => {
  const said = decode(cluster("name: 123, type: STATIC")).problems;
  assertEquals(said.length, 1);
});

Deno.test("once released, problems are still said, without a position", () => {
  const decoded = decode(cluster("name: a"));
  const sink = decoded.problemsFor();
  const [message] = decoded.bootstrap.staticResources!.clusters;
  sink.error(message!, "name", "before");
  decoded.release();
  sink.error(message!, "name", "after");
  const said = decoded.problems.map(({ line, path, message }) => `${line} ${path} ${message}`);
  assertEquals(said.toSorted(), [
    "0 name after",
    "1 static_resources.clusters[0].name before",
  ]);
});
