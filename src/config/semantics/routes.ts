/** Route tables: domains, clusters they name, what may not be combined. */

import type {
  envoy_config_core_v3_HeaderValueOption as HeaderValueOption,
  envoy_config_route_v3_RouteAction as RouteAction,
  envoy_config_route_v3_RouteAction_RequestMirrorPolicy as MirrorPolicy,
  envoy_config_route_v3_RouteConfiguration as RouteConfiguration,
  envoy_config_route_v3_VirtualHost as VirtualHost,
} from "../../proto/mod.ts";
import type { Problems } from "../../base/mod.ts";
import type { Checks, SemanticContext } from "./context.ts";

/** Without `max_direct_response_body_size_bytes`. */
const DEFAULT_BODY_BYTES = 4096;
const ENCODER = new TextEncoder();

/** Checks by message type. */
export const ROUTE_CHECKS: Checks = {
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager": (
    { routeSpecifier },
    context,
  ) => {
    if (routeSpecifier.case !== "routeConfig") return;
    const table = routeSpecifier.value;
    checkDomains(table, context.problems);
    checkBodies(table, context.problems);
    // A table that stands in the file names clusters that stand there, unless told otherwise.
    if (table.validateClusters !== false) checkClusters(table, context);
  },
  "envoy.config.route.v3.RouteConfiguration": checkHeaderChanges,
  "envoy.config.route.v3.VirtualHost": (host, context) => {
    checkHeaderChanges(host, context);
    checkMirrors(host.requestMirrorPolicies, context.problems);
  },
  "envoy.config.route.v3.Route": checkHeaderChanges,
  "envoy.config.route.v3.WeightedCluster.ClusterWeight": checkHeaderChanges,
  "envoy.config.route.v3.RouteAction": (action, { problems }) => {
    const rewrites = [
      action.prefixRewrite !== "",
      action.regexRewrite !== undefined,
      action.pathRewritePolicy !== undefined,
    ].filter(Boolean);
    if (rewrites.length > 1) {
      const text = "only one of prefix_rewrite, regex_rewrite and path_rewrite_policy may be set";
      problems.error(
        action,
        action.prefixRewrite !== "" ? "prefix_rewrite" : "regex_rewrite",
        text,
      );
    }
    checkMirrors(action.requestMirrorPolicies, problems);
    checkWeights(action, problems);
  },
};

function checkDomains(table: RouteConfiguration, problems: Problems): void {
  const seen = new Set<string>();
  for (const host of table.virtualHosts) {
    for (const [i, domain] of host.domains.entries()) {
      const key = domain.toLowerCase();
      if (seen.has(key)) {
        const text = key === "*"
          ? "only one virtual host of a table may have the domain *"
          : `duplicate domain "${key}"`;
        problems.error(host, `domains[${i}]`, text);
      }
      seen.add(key);
    }
  }
}

function checkBodies(table: RouteConfiguration, problems: Problems): void {
  const limit = table.maxDirectResponseBodySizeBytes ?? DEFAULT_BODY_BYTES;
  for (const { routes } of table.virtualHosts) {
    for (const { action } of routes) {
      if (action.case !== "directResponse" || action.value.body === undefined) continue;
      const { case: kind, value } = action.value.body.specifier;
      let bytes = 0;
      if (kind === "inlineString") bytes = ENCODER.encode(value).length;
      else if (kind === "inlineBytes") bytes = value.length;
      if (bytes > limit) {
        const field = kind === "inlineString" ? "inline_string" : "inline_bytes";
        problems.error(
          action.value.body,
          field,
          `the body has ${bytes} bytes, at most ${limit} are allowed`,
        );
      }
    }
  }
}

function checkClusters(table: RouteConfiguration, context: SemanticContext): void {
  for (const host of table.virtualHosts) {
    checkMirrorClusters(host.requestMirrorPolicies, context);
    for (const { action } of host.routes) {
      if (action.case === "route") checkActionClusters(action.value, context);
    }
  }
  checkMirrorClusters(table.requestMirrorPolicies, context);
}

function checkActionClusters(action: RouteAction, context: SemanticContext): void {
  const { clusters, problems } = context;
  const specifier = action.clusterSpecifier;
  if (specifier.case === "cluster" && !clusters.has(specifier.value)) {
    problems.error(action, "cluster", `unknown cluster "${specifier.value}"`);
  }
  if (specifier.case === "weightedClusters") {
    for (const weighted of specifier.value.clusters) {
      if (weighted.name !== "" && !clusters.has(weighted.name)) {
        problems.error(weighted, "name", `unknown cluster "${weighted.name}"`);
      }
    }
  }
  checkMirrorClusters(action.requestMirrorPolicies, context);
}

function checkMirrorClusters(
  policies: readonly MirrorPolicy[],
  { clusters, problems }: SemanticContext,
): void {
  for (const policy of policies) {
    if (policy.cluster !== "" && !clusters.has(policy.cluster)) {
      problems.error(policy, "cluster", `unknown cluster "${policy.cluster}"`);
    }
  }
}

function checkMirrors(policies: readonly MirrorPolicy[], problems: Problems): void {
  for (const policy of policies) {
    const named = (policy.cluster !== "" ? 1 : 0) + (policy.clusterHeader !== "" ? 1 : 0);
    if (named !== 1) {
      problems.error(policy, "cluster", "exactly one of cluster and cluster_header must be set");
    }
  }
}

/** The weights of a split add up to what 32 bits hold. */
const MAX_TOTAL_WEIGHT = 4294967295;

function checkWeights(action: RouteAction, problems: Problems): void {
  if (action.clusterSpecifier.case !== "weightedClusters") return;
  const split = action.clusterSpecifier.value;
  let total = 0;
  for (const weighted of split.clusters) {
    const named = (weighted.name !== "" ? 1 : 0) + (weighted.clusterHeader !== "" ? 1 : 0);
    if (named !== 1) {
      problems.error(weighted, "name", "exactly one of name and cluster_header must be set");
    }
    if (weighted.weight === undefined) {
      problems.error(weighted, "weight", "every cluster of a split needs a weight");
      return;
    }
    total += weighted.weight;
  }
  if (split.clusters.length > 0 && total === 0) {
    problems.error(split, "clusters", "the sum of the weights must be greater than 0");
  } else if (total > MAX_TOTAL_WEIGHT) {
    problems.error(split, "clusters", `the sum of the weights exceeds ${MAX_TOTAL_WEIGHT}`);
  }
}

interface HeaderChanges {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

function isFixed(name: string): boolean {
  return name.startsWith(":") || name.toLowerCase() === "host";
}

function checkHeaderChanges(
  message: (HeaderChanges & object) | RouteConfiguration | VirtualHost,
  { problems }: SemanticContext,
): void {
  for (const { header } of [...message.requestHeadersToAdd, ...message.responseHeadersToAdd]) {
    if (header !== undefined && isFixed(header.key)) {
      problems.error(
        header,
        "key",
        "headers that begin with : and host may not be changed this way",
      );
    }
  }
  const text = "headers that begin with : and host may not be removed";
  for (const [i, name] of message.requestHeadersToRemove.entries()) {
    if (isFixed(name)) problems.error(message, `request_headers_to_remove[${i}]`, text);
  }
}
