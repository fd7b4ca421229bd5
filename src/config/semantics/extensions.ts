/**
 * Extension points: where Envoy looks a configuration's type up among its extensions, by category,
 * and refuses what it has not registered there (`Config::Utility::getAndCheckFactory`).
 */

import type { Problems } from "../../base/mod.ts";
import type { Decoder } from "../decoder.ts";
import { childMessages } from "../rules/message_rules.ts";
import type { PlainMessage } from "../well_known_values.ts";

/** Extension categories by holder type and field; "" stands for the holder's one typed config. */
const CATEGORIES: Readonly<Record<string, string>> = {
  "envoy.config.bootstrap.v3.Bootstrap.bootstrap_extensions": "envoy.bootstrap",
  "envoy.config.bootstrap.v3.Bootstrap.stats_sinks": "envoy.stats_sinks",
  "envoy.config.bootstrap.v3.Bootstrap.default_regex_engine": "envoy.regex_engines",
  "envoy.config.bootstrap.v3.Admin.access_log": "envoy.access_loggers",
  "envoy.config.listener.v3.Listener.access_log": "envoy.access_loggers",
  "envoy.config.listener.v3.Listener.listener_filters": "envoy.filters.listener",
  "envoy.config.listener.v3.FilterChain.filters": "envoy.filters.network",
  "envoy.config.listener.v3.FilterChain.transport_socket": "envoy.transport_sockets.downstream",
  "envoy.config.cluster.v3.Cluster.transport_socket": "envoy.transport_sockets.upstream",
  "envoy.config.cluster.v3.Cluster.TransportSocketMatch.transport_socket":
    "envoy.transport_sockets.upstream",
  "envoy.config.cluster.v3.Cluster.cluster_type": "envoy.clusters",
  "envoy.config.cluster.v3.Cluster.typed_dns_resolver_config": "envoy.network.dns_resolver",
  "envoy.config.core.v3.BindConfig.local_address_selector": "envoy.upstream.local_address_selector",
  "envoy.extensions.clusters.dns.v3.DnsCluster.typed_dns_resolver_config":
    "envoy.network.dns_resolver",
  "envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig.typed_dns_resolver_config":
    "envoy.network.dns_resolver",
  "envoy.config.cluster.v3.Cluster.filters": "envoy.filters.upstream_network",
  "envoy.config.core.v3.HealthCheck.custom_health_check": "envoy.health_checkers",
  "envoy.config.overload.v3.OverloadManager.resource_monitors": "envoy.resource_monitors",
  "envoy.config.route.v3.RetryPolicy.retry_priority": "envoy.retry_priorities",
  "envoy.config.route.v3.RetryPolicy.retry_host_predicate": "envoy.retry_host_predicates",
  "envoy.config.route.v3.RetryPolicy.retry_options_predicates": "envoy.retry_options_predicates",
  "envoy.config.route.v3.InternalRedirectPolicy.predicates": "envoy.internal_redirect_predicates",
  "envoy.config.trace.v3.Tracing.http": "envoy.tracers",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.http_filters":
    "envoy.filters.http",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.access_log":
    "envoy.access_loggers",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig.filters":
    "envoy.filters.http",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.original_ip_detection_extensions":
    "envoy.http.original_ip_detection",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.early_header_mutation_extensions":
    "envoy.http.early_header_mutation",
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.access_log": "envoy.access_loggers",
  "envoy.extensions.filters.http.router.v3.Router.upstream_log": "envoy.access_loggers",
  "envoy.extensions.filters.http.router.v3.Router.upstream_http_filters":
    "envoy.filters.http.upstream",
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.http_filters":
    "envoy.filters.http.upstream",
};

/** Registered by Envoy 1.40, but not in the list that it gives of itself. */
const UNLISTED: ReadonlySet<string> = new Set([
  "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
]);

/** Reports every extension below `root` whose type Envoy has not registered where it stands. */
export function checkExtensions(root: PlainMessage, decoder: Decoder, problems: Problems): void {
  const type = decoder.registry.getMessage(root.$typeName);
  if (type === undefined) return;
  for (const field of type.messageFields) {
    const children = childMessages(root, field);
    if (children.length === 0) continue;
    const category = CATEGORIES[`${type.typeName}.${field.name}`];
    for (const child of children) {
      if (typeof child !== "object" || child === null) continue;
      if (category !== undefined) checkHolder(child, category, decoder, problems);
      checkExtensions(child, decoder, problems);
    }
  }
}

/** The configuration in a holder: under a oneof in the older messages, plain in the newer. */
export function typedConfig(holder: PlainMessage): PlainMessage | undefined {
  const oneof = holder["configType"] as { readonly case?: string; readonly value?: unknown };
  const value = oneof === undefined ? holder["typedConfig"] : oneof.value;
  return value as PlainMessage | undefined;
}

function checkHolder(
  holder: PlainMessage,
  category: string,
  decoder: Decoder,
  problems: Problems,
): void {
  const oneof = holder["configType"] as { readonly case?: string } | undefined;
  if (oneof?.case === "configDiscovery") return;
  const config = typedConfig(holder);
  const name = String(holder["name"] ?? "");
  // A wrapper that says which extension it means may switch a filter off.
  if (holder["disabled"] === true && config === undefined) return;
  if (config === undefined || config.$typeName === "google.protobuf.Any") {
    if (holder["isOptional"] === true) return;
    // The cluster types of old may be named without a configuration.
    if (category === "envoy.clusters" && decoder.knownTypes().isExtensionName(category, name)) {
      return;
    }
    const [type] = decoder.knownTypes().extensionNamed(category, name)?.types ?? [];
    const hint = type === undefined
      ? undefined
      : `write typed_config: { "@type": type.googleapis.com/${type} }`;
    problems.error(holder, "typed_config", `"${name}" has no typed_config, so no type`, hint);
    return;
  }
  const known = decoder.knownTypes();
  const registered = known.extensionsOf(config.$typeName);
  if (UNLISTED.has(config.$typeName)) return;
  if (registered.some((extension) => isOfCategory(extension.category, category))) return;
  if (holder["isOptional"] === true) return;
  const [type] = known.extensionNamed(category, name)?.types ?? [];
  problems.error(
    holder,
    "typed_config",
    `${config.$typeName} is no extension of ${category}`,
    type === undefined ? undefined : `did you mean "type.googleapis.com/${type}"?`,
  );
}

/** UDP listeners take filters of a category of their own. */
function isOfCategory(category: string, wanted: string): boolean {
  return category === wanted ||
    (wanted === "envoy.filters.listener" && category === "envoy.filters.udp_listener");
}
