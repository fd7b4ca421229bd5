import { createHash } from "node:crypto";
import { loadFileRegistry } from "../../src/proto/file_registry.ts";
import { loadKnownTypes } from "../../src/proto/registry.ts";
import { typesOf } from "../../src/proto/gen_types.ts";
import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";

const PROTO = new URL("../../src/proto/", import.meta.url);

Deno.test("the descriptor set has the hash that its README records", () => {
  const set = Deno.readFileSync(new URL("envoy.binpb", PROTO));
  const hash = createHash("sha256").update(set).digest("hex");
  assertMatch(Deno.readTextFileSync(new URL("README.md", PROTO)), new RegExp(`\`${hash}\``));
});

Deno.test("every root is in the descriptor set", () => {
  const registry = loadFileRegistry();
  const roots = Deno.readTextFileSync(new URL("roots.txt", PROTO)).trim().split("\n");
  const missing = roots.filter((root) =>
    registry.getMessage(root) === undefined && registry.getService(root) === undefined
  );
  assertEquals(missing, []);
});

Deno.test("every type of the set that Envoy holds is among the known names", () => {
  const known = loadKnownTypes();
  const missing: string[] = [];
  for (const type of loadFileRegistry()) {
    const isNamed = type.kind !== "message" || known.has(type.typeName) ||
      known.isAbsent(type.typeName) ||
      /^(google\.protobuf|validate|udpa\.annotations|xds\.annotations)\./.test(type.typeName);
    if (!isNamed) missing.push(type.typeName);
  }
  assertEquals(missing, []);
});

Deno.test("gen_types writes one interface a message, told apart by its name", () => {
  const text = typesOf(loadFileRegistry());
  assertOk(text.includes("export interface envoy_config_bootstrap_v3_Bootstrap {"));
  assertOk(text.includes('"envoy.config.cluster.v3.Cluster": envoy_config_cluster_v3_Cluster;'));
});

const ROUTER = "envoy.extensions.filters.http.router.v3.Router";
const HCM_V2 = "envoy.config.filter.network.http_connection_manager.v2.HttpConnectionManager";
const HCM_V3 = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

Deno.test("known types: a type outside the set, a v2 type, a made-up type", () => {
  const known = loadKnownTypes();
  assertOk(known.has("envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy"));
  assertOk(known.has("envoy.config.route.v3.RouteAction.HashPolicy"));
  assertOk(!known.has(HCM_V2));
  assertOk(!known.has("envoy.extensions.filters.http.router.v3.Ruter"));
  assertOk(known.isAbsent(HCM_V2));
  assertOk(known.isAbsent("envoy.extensions.load_balancing_policies.pick_first.v3.PickFirst"));
  assertEquals(known.successorOf(HCM_V2), HCM_V3);
});

Deno.test("known types: extensions by type, by name and by an old name", () => {
  const known = loadKnownTypes();
  assertEquals(known.extensionsOf(ROUTER).map((x) => x.category), ["envoy.filters.http"]);
  assertEquals(known.extensionNamed("envoy.filters.http", "envoy.filters.http.router")?.types, [
    ROUTER,
  ]);
  assertEquals(known.extensionNamed("envoy.filters.http", "envoy.router")?.types, [ROUTER]);
  assertEquals(known.extensionNamed("envoy.filters.http", "envoy.no_such_filter"), undefined);
});
