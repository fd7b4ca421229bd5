/** A route configuration made into a table. */

import { headerId, type HeaderMap, type StreamInfo } from "../http/mod.ts";
import { asciiLower, binaryText, headerName } from "../matching/mod.ts";
import type { envoy_config_route_v3_RouteConfiguration } from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { Domains, portStart } from "./domains.ts";
import { compileLevelChanges } from "./header_changes.ts";
import { compileMirrors } from "./mirror.ts";
import { compileFilterLevel } from "./per_filter_config.ts";
import type { Route } from "./route.ts";
import type { ClusterNames, RouteScope } from "./scope.ts";
import type { RouteMiss, RouteTable } from "./table.ts";
import { type CompiledVirtualHost, compileVirtualHost } from "./virtual_host.ts";

const DEFAULT_MAX_BODY_BYTES = 4096;
const NOT_FOUND: RouteMiss = { miss: "not_found" };

/** How a table is compiled. */
export interface RouteTableOptions {
  /** Clusters that exist; routes are checked against them where Envoy does. */
  readonly clusters?: ClusterNames;
  /** Whether the table came by RDS: then clusters are only checked if `validate_clusters` says so. */
  readonly isDynamic?: boolean;
}

/** Compiles a route configuration; all problems are reported, then what could be compiled serves. */
export function compileRouteTable(
  message: envoy_config_route_v3_RouteConfiguration,
  context: CompileContext,
  options: RouteTableOptions = {},
): RouteTable {
  const scope = compileScope(message, context, options);
  reportUnsupported(message, context);
  const domains = new Domains<CompiledVirtualHost>();
  const names = new Set<string>();
  for (const host of message.virtualHosts) {
    if (names.has(host.name)) {
      const text = `Only unique names for virtual hosts are permitted. Duplicate: ${host.name}`;
      context.problems.error(host, "name", text);
    }
    names.add(host.name);
    const compiled = compileVirtualHost(host, scope);
    host.domains.forEach((domain, index) => {
      const fault = domains.add(binaryText(domain), compiled);
      if (fault === undefined) return;
      const text = fault === "duplicate"
        ? `Only unique values for domains are permitted. Duplicate entry of domain ${domain} in route ${message.name}`
        : `Only a single wildcard domain is permitted in route ${message.name}`;
      context.problems.error(host, `domains[${index}]`, text);
    });
  }
  return new CompiledRouteTable(message, domains);
}

function compileScope(
  message: envoy_config_route_v3_RouteConfiguration,
  context: CompileContext,
  options: RouteTableOptions,
): RouteScope {
  const checksClusters = message.validateClusters ?? options.isDynamic !== true;
  const base = {
    context,
    clusters: checksClusters ? options.clusters : undefined,
    maxDirectResponseBodyBytes: message.maxDirectResponseBodySizeBytes ?? DEFAULT_MAX_BODY_BYTES,
    mostSpecificWins: message.mostSpecificHeaderMutationsWins,
    ignoresPathParameters: message.ignorePathParametersInPathMatching,
    tableChanges: compileLevelChanges(message, context),
    tableFilters: compileFilterLevel(message, message.typedPerFilterConfig, context),
    tableMirrors: [],
  };
  return { ...base, tableMirrors: compileMirrors(message.requestMirrorPolicies, base) };
}

function reportUnsupported(
  message: envoy_config_route_v3_RouteConfiguration,
  context: CompileContext,
): void {
  const { problems } = context;
  if (message.vhds !== undefined) {
    problems.unsupported(message, "vhds", "virtual hosts are not discovered", true);
  }
  if (message.clusterSpecifierPlugins.length > 0) {
    const effect = "no plugin chooses clusters";
    problems.unsupported(message, "cluster_specifier_plugins", effect, true);
  }
  for (const specifier of message.routeSpecifiers) {
    const effect = `"${specifier.name}" chooses no route`;
    problems.unsupported(message, "route_specifiers", effect, true);
  }
}

class CompiledRouteTable implements RouteTable {
  readonly name: string;
  readonly internalOnlyHeaders: readonly string[];
  readonly maxDirectResponseBodyBytes: number;
  readonly usesVirtualHostFromScheme = false;
  readonly #domains: Domains<CompiledVirtualHost>;
  readonly #ignoresPort: boolean;
  /** Header that names the virtual host: `:authority` unless vhost_header says otherwise. */
  readonly #hostHeader: string;
  readonly #hostHeaderId: number;

  constructor(
    message: envoy_config_route_v3_RouteConfiguration,
    domains: Domains<CompiledVirtualHost>,
  ) {
    this.name = message.name;
    this.internalOnlyHeaders = message.internalOnlyHeaders.map((name) =>
      asciiLower(binaryText(name))
    );
    this.maxDirectResponseBodyBytes = message.maxDirectResponseBodySizeBytes ??
      DEFAULT_MAX_BODY_BYTES;
    this.#domains = domains;
    this.#ignoresPort = message.ignorePortInHostMatching;
    this.#hostHeader = message.vhostHeader === "" ? ":authority" : headerName(message.vhostHeader);
    this.#hostHeaderId = headerId(this.#hostHeader);
  }

  match(headers: HeaderMap, info: StreamInfo, random: number): Route | RouteMiss {
    let host =
      (this.#hostHeaderId !== 0
        ? headers.getId(this.#hostHeaderId)
        : headers.get(this.#hostHeader)) ?? "";
    if (this.#ignoresPort) {
      const port = portStart(host);
      if (port >= 0) host = host.slice(0, port);
    }
    const virtualHost = this.#domains.find(host);
    if (virtualHost === undefined) return NOT_FOUND;
    return virtualHost.match(headers, info, random) ?? NOT_FOUND;
  }
}
