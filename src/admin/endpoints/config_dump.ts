/** /config_dump: what runs, as Envoy's dump messages in JSON; `resource`, `mask`, `name_regex`, `include_eds`. */

import { type AdminEndpoint, type AdminResponse, JSON_TYPE, ok } from "../endpoint.ts";
import type { AdminHost, Json } from "../host.ts";
import { pretty } from "../json.ts";
import { applyMask, parseMask } from "../mask.ts";
import { compileNameFilter } from "../name_filter.ts";

type JsonObject = { readonly [key: string]: Json | undefined };

/** Repeated fields that `resource` may name, with the message type of their elements. */
const RESOURCES: Readonly<Record<string, string>> = {
  static_clusters: "ClustersConfigDump.StaticCluster",
  dynamic_active_clusters: "ClustersConfigDump.DynamicCluster",
  dynamic_warming_clusters: "ClustersConfigDump.DynamicCluster",
  static_listeners: "ListenersConfigDump.StaticListener",
  dynamic_listeners: "ListenersConfigDump.DynamicListener",
  static_route_configs: "RoutesConfigDump.StaticRouteConfig",
  dynamic_route_configs: "RoutesConfigDump.DynamicRouteConfig",
  inline_scoped_route_configs: "ScopedRoutesConfigDump.InlineScopedRouteConfigs",
  dynamic_scoped_route_configs: "ScopedRoutesConfigDump.DynamicScopedRouteConfigs",
  static_secrets: "SecretsConfigDump.StaticSecret",
  dynamic_active_secrets: "SecretsConfigDump.DynamicSecret",
  dynamic_warming_secrets: "SecretsConfigDump.DynamicSecret",
  static_endpoint_configs: "EndpointsConfigDump.StaticEndpointConfig",
  dynamic_endpoint_configs: "EndpointsConfigDump.DynamicEndpointConfig",
  ecds_filters: "EcdsConfigDump.EcdsFilterConfig",
};

export const configDump: AdminEndpoint = {
  path: "/config_dump",
  help: "dump current Envoy configs",
  mutates: false,
  params: [
    "resource: The resource to dump",
    "mask: The mask to apply. When both resource and mask are specified, the mask is applied to every element in the desired repeated field so that only a subset of fields are returned. The mask is parsed as a Protobuf::FieldMask",
    "name_regex: Dump only the currently loaded configurations whose names match the specified regex. Can be used with both resource and mask query parameters.",
    "include_eds: Dump currently loaded configuration including EDS. See the response definition for more information",
  ],
  handle(request, host) {
    const { query } = request;
    const filter = compileNameFilter(query.get("name_regex"));
    if (typeof filter === "string") return refuse(400, filter);
    const hasNameFilter = (query.get("name_regex") ?? "") !== "";
    const sections = collect(host, query.has("include_eds"))
      .map((section) => hasNameFilter ? filterByName(section, filter) : section);
    const resource = query.get("resource");
    const mask = query.get("mask");
    if (resource !== undefined) return dumpResource(sections, resource, mask);
    if (mask === undefined) return ok(pretty({ configs: sections }), JSON_TYPE);
    return dumpMasked(sections, mask);
  },
};

function collect(host: AdminHost, withEndpoints: boolean): JsonObject[] {
  const dump = host.configDump;
  const sections = [dump.bootstrap(), dump.clusters()];
  if (withEndpoints) sections.push(dump.endpoints());
  sections.push(dump.listeners(), dump.scopedRoutes(), dump.routes(), dump.secrets());
  const ecds = dump.ecds();
  if (ecds !== undefined) sections.push(ecds);
  return sections as JsonObject[];
}

function dumpResource(
  sections: readonly JsonObject[],
  resource: string,
  mask: string | undefined,
): AdminResponse {
  const type = RESOURCES[resource];
  if (type === undefined) return refuse(404, `${resource} not found in config dump`);
  const elements = sections.flatMap((section) => (section[resource] ?? []) as JsonObject[]);
  const paths = mask === undefined ? undefined : parseMask(mask);
  const configs = elements.map((element) => ({
    "@type": `type.googleapis.com/envoy.admin.v3.${type}`,
    ...(paths === undefined ? element : applyMask(element, paths)),
  }));
  return ok(pretty(configs.length === 0 ? {} : { configs }), JSON_TYPE);
}

/** A mask alone names fields of the dump messages; it must fit at least one of them. */
function dumpMasked(sections: readonly JsonObject[], mask: string): AdminResponse {
  const paths = parseMask(mask);
  const configs = sections
    .filter((section) => paths.some((path) => path.length === 1 && path[0]! in section))
    .map((section) => ({ "@type": section["@type"]!, ...applyMask(section, paths) }));
  if (configs.length === 0) {
    return refuse(400, `FieldMask ${mask} could not be successfully applied to any configs.`);
  }
  return ok(pretty({ configs }), JSON_TYPE);
}

function filterByName(section: JsonObject, keeps: (name: string) => boolean): JsonObject {
  const kept: Record<string, Json | undefined> = {};
  for (const [key, value] of Object.entries(section)) {
    if (!Array.isArray(value) || !(key in RESOURCES)) {
      if (key !== "bootstrap" || keeps("bootstrap")) kept[key] = value;
      continue;
    }
    const elements = (value as JsonObject[]).filter((element) => keeps(nameOf(element)));
    if (elements.length > 0) kept[key] = elements;
  }
  return kept;
}

/** The name of what an element wraps: `cluster.name`, `listener.name`, … */
function nameOf(element: JsonObject): string {
  if (typeof element["name"] === "string") return element["name"];
  for (const value of Object.values(element)) {
    if (typeof value !== "object" || value === null) continue;
    const { name, cluster_name } = value as JsonObject;
    if (typeof name === "string") return name;
    if (typeof cluster_name === "string") return cluster_name;
  }
  return "";
}

function refuse(status: number, body: string): AdminResponse {
  return { status, contentType: "text/plain", body, plain: true };
}
