/** Discovery: who this node is, and where the management servers are. */

import type { envoy_config_core_v3_GrpcService as GrpcService } from "../../proto/mod.ts";
import type { Checks, SemanticContext } from "./context.ts";

const NODE_NEEDED = "discovery needs node.id and node.cluster";

function checkServers(services: readonly GrpcService[], context: SemanticContext): void {
  for (const { targetSpecifier } of services) {
    if (targetSpecifier.case !== "envoyGrpc") continue;
    const service = targetSpecifier.value;
    if (service.clusterName !== "" && !context.clusters.has(service.clusterName)) {
      context.problems.error(service, "cluster_name", `unknown cluster "${service.clusterName}"`);
    }
  }
}

/** Checks by message type. */
export const DISCOVERY_CHECKS: Checks = {
  "envoy.config.core.v3.ApiConfigSource": (source, context) => {
    checkServers(source.grpcServices, context);
    for (const [i, name] of source.clusterNames.entries()) {
      if (!context.clusters.has(name)) {
        context.problems.error(source, `cluster_names[${i}]`, `unknown cluster "${name}"`);
      }
    }
    if (!context.hasNode) context.problems.error(source, "", NODE_NEEDED);
  },
  "envoy.config.bootstrap.v3.RuntimeLayer.RtdsLayer": (layer, { problems, hasNode }) => {
    if (!hasNode) problems.error(layer, "", NODE_NEEDED);
  },
  "envoy.config.core.v3.PathConfigSource": (source, { problems, hasNode }) => {
    if (!hasNode) problems.error(source, "", NODE_NEEDED);
  },
};
