/** The sections of /config_dump out of the messages that run. */

import type { AdminHost, Json } from "../admin/mod.ts";
import type { LazyDumper } from "../config/mod.ts";
import type { envoy_config_bootstrap_v3_Bootstrap } from "../proto/mod.ts";

type Sections = AdminHost["configDump"];
type Message = { readonly $typeName: string };

const PREFIX = "type.googleapis.com/envoy.admin.v3.";
const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/** @param loadedAt when the configuration was taken into use */
export function configDumpSections(
  bootstrap: envoy_config_bootstrap_v3_Bootstrap,
  options: {
    readonly dumper: LazyDumper;
    readonly loadedAt: Date;
    readonly endpoints: () => Json[];
  },
): Sections {
  const { dumper, loadedAt } = options;
  const last_updated = loadedAt.toISOString();
  const any = (message: Message): Json => dumper.any(message as never) as Json;
  const section = (type: string, fields: { readonly [key: string]: Json }): Json => ({
    "@type": `${PREFIX}${type}`,
    ...fields,
  });
  const listed = (type: string, name: string, items: Json[]): Json =>
    section(type, items.length === 0 ? {} : { [name]: items });
  const resources = bootstrap.staticResources;
  const clusters = resources?.clusters ?? [];
  const listeners = resources?.listeners ?? [];
  return {
    bootstrap: () =>
      section("BootstrapConfigDump", {
        bootstrap: dumper.message(bootstrap as never) as Json,
        last_updated,
      }),
    clusters: () =>
      listed(
        "ClustersConfigDump",
        "static_clusters",
        clusters.map((cluster) => ({ cluster: any(cluster), last_updated })),
      ),
    listeners: () =>
      listed(
        "ListenersConfigDump",
        "static_listeners",
        listeners.map((listener) => ({ listener: any(listener), last_updated })),
      ),
    scopedRoutes: () => section("ScopedRoutesConfigDump", {}),
    routes: () =>
      listed(
        "RoutesConfigDump",
        "static_route_configs",
        routeConfigs(listeners).map((config) => ({ route_config: any(config), last_updated })),
      ),
    secrets: () =>
      listed(
        "SecretsConfigDump",
        "static_secrets",
        (resources?.secrets ?? []).map((secret) => ({
          name: secret.name,
          last_updated,
          secret: any(secret),
        })),
      ),
    endpoints: () =>
      listed(
        "EndpointsConfigDump",
        "static_endpoint_configs",
        options.endpoints().map((endpoint_config) => ({ endpoint_config })),
      ),
    ecds: () => undefined,
  };
}

/** Inline route tables of all connection managers, in the order of the listeners. */
function routeConfigs(tree: unknown): Message[] {
  if (Array.isArray(tree)) return tree.flatMap(routeConfigs);
  if (typeof tree !== "object" || tree === null || ArrayBuffer.isView(tree)) return [];
  if ((tree as Partial<Message>).$typeName === HCM) {
    const { routeSpecifier } = tree as {
      routeSpecifier: { case?: string; value?: Message };
    };
    return routeSpecifier.case === "routeConfig" ? [routeSpecifier.value!] : [];
  }
  return Object.values(tree).flatMap(routeConfigs);
}
