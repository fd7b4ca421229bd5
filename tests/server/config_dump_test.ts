import { LazyDumper } from "../../src/config/mod.ts";
import type { envoy_config_bootstrap_v3_Bootstrap } from "../../src/proto/mod.ts";
import { configDumpSections } from "../../src/server/config_dump.ts";
import { assertEquals, assertOk } from "../support/assert.ts";
import { decodeMessage } from "../support/messages.ts";

const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const LOADED_AT = "2026-11-21T03:04:05.067Z";

async function sections(bootstrap: object) {
  const { message } = await decodeMessage<envoy_config_bootstrap_v3_Bootstrap>(
    "envoy.config.bootstrap.v3.Bootstrap",
    bootstrap,
  );
  return configDumpSections(message, {
    dumper: new LazyDumper(),
    loadedAt: new Date(LOADED_AT),
    endpoints: () => [{ cluster_name: "a" }],
  });
}

const manager = (routes: object) => ({
  name: "hcm",
  typed_config: {
    "@type": `type.googleapis.com/${HCM}`,
    stat_prefix: "s",
    route_config: routes,
    http_filters: [{
      name: "r",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
      },
    }],
  },
});

const FULL = {
  static_resources: {
    clusters: [{ name: "a", type: "STATIC", connect_timeout: "1s" }],
    listeners: [{
      name: "l",
      address: { socket_address: { address: "127.0.0.1", port_value: 80 } },
      filter_chains: [{ filters: [manager({ name: "r1" })] }, {
        filter_chain_match: { destination_port: 81 },
        filters: [manager({ name: "r2" })],
      }],
    }],
    secrets: [{
      name: "key",
      tls_certificate: { private_key: { inline_string: "hush" } },
    }],
  },
};

type Section = { readonly [key: string]: unknown };

Deno.test("config_dump of an empty configuration has sections without lists", async () => {
  const dump = await sections({});
  const prefix = "type.googleapis.com/envoy.admin.v3";
  assertEquals(dump.clusters(), { "@type": `${prefix}.ClustersConfigDump` });
  assertEquals(dump.listeners(), { "@type": `${prefix}.ListenersConfigDump` });
  assertEquals(dump.routes(), { "@type": `${prefix}.RoutesConfigDump` });
  assertEquals(dump.secrets(), { "@type": `${prefix}.SecretsConfigDump` });
  assertEquals(dump.ecds(), undefined);
});

Deno.test("config_dump lists clusters with their type and when they were loaded", async () => {
  const { static_clusters } = (await sections(FULL)).clusters() as Section;
  const [first] = static_clusters as { cluster: Section; last_updated: string }[];
  assertEquals([first!.cluster["@type"], first!.cluster["name"]], [CLUSTER, "a"]);
  assertEquals(first!.last_updated, LOADED_AT);
});

Deno.test("config_dump finds the route tables of all connection managers", async () => {
  const { static_route_configs } = (await sections(FULL)).routes() as Section;
  const names = (static_route_configs as { route_config: Section }[]).map((each) =>
    each.route_config["name"]
  );
  assertEquals(names, ["r1", "r2"]);
});

Deno.test("config_dump never shows a private key", async () => {
  const dump = await sections(FULL);
  const { static_secrets } = dump.secrets() as Section;
  assertEquals((static_secrets as { name: string }[]).map(({ name }) => name), ["key"]);
  for (const section of [dump.secrets(), dump.bootstrap()]) {
    const text = JSON.stringify(section);
    assertOk(!text.includes("hush") && !text.includes(btoa("hush")), text);
  }
});

Deno.test("config_dump hands on the endpoints that run", async () => {
  const { static_endpoint_configs } = (await sections(FULL)).endpoints() as Section;
  assertEquals(static_endpoint_configs, [{ endpoint_config: { cluster_name: "a" } }]);
});
