/** Request mirroring, as routes, virtual hosts and tables ask for it. */

import { H } from "../http/mod.ts";
import { binaryText, headerName } from "../matching/mod.ts";
import type { envoy_config_route_v3_RouteAction_RequestMirrorPolicy } from "../proto/mod.ts";
import { compileMutations } from "./header_changes.ts";
import type { ClusterNames, RouteScope } from "./scope.ts";
import type { MirrorPolicy } from "./route.ts";
import { runtimeFraction } from "./units.ts";

/** Compiles the policies of one level, in order. */
export function compileMirrors(
  messages: readonly envoy_config_route_v3_RouteAction_RequestMirrorPolicy[],
  scope: RouteScope,
): readonly MirrorPolicy[] {
  return messages.map((message) => compileMirror(message, scope));
}

function compileMirror(
  message: envoy_config_route_v3_RouteAction_RequestMirrorPolicy,
  { context, clusters }: RouteScope,
): MirrorPolicy {
  checkCluster(message, context.problems, clusters);
  const mutations = compileMutations(message.requestHeadersMutations, context);
  const host = binaryText(message.hostRewriteLiteral);
  if (message.traceSampled !== undefined) {
    context.problems.unsupported(message, "trace_sampled", "mirrored requests are not traced");
  }
  return {
    clusterName: message.cluster === "" ? undefined : message.cluster,
    clusterHeader: headerName(message.clusterHeader),
    fraction: runtimeFraction(message.runtimeFraction),
    disableShadowHostSuffix: message.disableShadowHostSuffixAppend || host !== "",
    apply: (headers, info) => {
      mutations(headers, info);
      if (host !== "") headers.setId(H.authority, host);
    },
  };
}

function checkCluster(
  message: envoy_config_route_v3_RouteAction_RequestMirrorPolicy,
  problems: RouteScope["context"]["problems"],
  clusters: ClusterNames | undefined,
): void {
  const { cluster, clusterHeader } = message;
  if ((cluster === "") === (clusterHeader === "")) {
    problems.error(message, "cluster", "Only one of cluster or cluster_header can be specified");
  } else if (cluster !== "" && clusters !== undefined && !clusters.has(cluster)) {
    problems.error(message, "cluster", `route: unknown shadow cluster '${cluster}'`);
  }
}
