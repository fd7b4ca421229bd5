/** What a stream's info says of its upstream before there is a connection. */

import { newUpstreamInfo, type UpstreamInfo } from "../http/mod.ts";
import type { Cluster, Host } from "./api.ts";

/** A fresh record of the facts of `cluster` and `host`; those of the connection are still open. */
export function upstreamInfoOf(cluster: Cluster, host: Host): UpstreamInfo {
  const info = newUpstreamInfo(cluster.info.name);
  info.address = host.address;
  info.hostname = host.hostname;
  info.hostMetadata = host.metadata;
  info.clusterMetadata = cluster.info.metadata;
  info.locality = host.locality;
  return info;
}
