/** Virtual clusters: groups of a virtual host's requests that have stats of their own. */

import type { HeaderMap } from "../http/mod.ts";
import { compileHeaderMatchers, type HeaderMatcher } from "../matching/mod.ts";
import type { envoy_config_route_v3_VirtualHost } from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { sanitizeStatName } from "../stats/mod.ts";
import type { VirtualClusterInfo } from "./route.ts";

/** Finds the virtual cluster of a request. */
export type VirtualClusters = (headers: HeaderMap) => VirtualClusterInfo | undefined;

const STATS: readonly string[] = [
  "upstream_rq_retry",
  "upstream_rq_retry_limit_exceeded",
  "upstream_rq_retry_overflow",
  "upstream_rq_retry_success",
  "upstream_rq_timeout",
  "upstream_rq_total",
];
/** Where requests that belong to none are counted, if there are any. */
const OTHER = "other";

/**
 * Finds the first virtual cluster whose headers match, else `other`; undefined where none is
 * configured.
 */
export function compileVirtualClusters(
  message: envoy_config_route_v3_VirtualHost,
  statPrefix: string,
  context: CompileContext,
): VirtualClusters {
  if (message.virtualClusters.length === 0) return () => undefined;
  const rows: { readonly matcher: HeaderMatcher; readonly info: VirtualClusterInfo }[] = [];
  for (const cluster of message.virtualClusters) {
    if (cluster.headers.length === 0) {
      context.problems.error(cluster, "headers", "virtual clusters must define 'headers'");
    }
    rows.push({
      matcher: compileHeaderMatchers(cluster.headers, context),
      info: virtualCluster(cluster.name, statPrefix, context),
    });
  }
  const other = virtualCluster(OTHER, statPrefix, context);
  return (headers) => {
    for (let i = 0; i < rows.length; i++) {
      if (rows[i]!.matcher.matches(headers)) return rows[i]!.info;
    }
    return other;
  };
}

function virtualCluster(
  name: string,
  vhostPrefix: string,
  context: CompileContext,
): VirtualClusterInfo {
  const statPrefix = `${vhostPrefix}.vcluster.${sanitizeStatName(name)}`;
  // Shown as 0 before the first request, as Envoy does; the router counts into the same names.
  for (const stat of STATS) context.scope.counter(`${statPrefix}.${stat}`);
  return { name, statPrefix };
}
