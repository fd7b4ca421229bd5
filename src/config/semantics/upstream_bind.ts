/** Source addresses of upstream connections, and the rates of names: what Envoy checks at load. */

import { durationMsOr } from "../../base/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster_RefreshRate as RefreshRate,
  envoy_config_core_v3_BindConfig as BindConfig,
} from "../../proto/mod.ts";
import type { Checks, SemanticContext } from "./context.ts";

type Problems = SemanticContext["problems"];

/** Checks by message type. */
export const UPSTREAM_BIND_CHECKS: Checks = {
  "envoy.config.bootstrap.v3.ClusterManager": ({ upstreamBindConfig: bind }, { problems }) => {
    if (bind !== undefined) checkBind(bind, problems);
  },
  "envoy.config.cluster.v3.Cluster": (cluster, { problems }) => {
    const { upstreamBindConfig: bind, dnsFailureRefreshRate: rate } = cluster;
    if (bind !== undefined) checkBind(bind, problems);
    checkRate(rate, problems);
  },
  "envoy.extensions.clusters.dns.v3.DnsCluster": ({ dnsFailureRefreshRate }, { problems }) =>
    checkRate(dnsFailureRefreshRate, problems),
  "envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig": (
    { dnsFailureRefreshRate },
    { problems },
  ) => checkRate(dnsFailureRefreshRate, problems),
};

/** One source address, and at most one more, of the other family. */
function checkBind(bind: BindConfig, problems: Problems): void {
  const { sourceAddress, extraSourceAddresses, additionalSourceAddresses } = bind;
  const isExtra = extraSourceAddresses.length > 0;
  const field = isExtra ? "extra_source_addresses" : "additional_source_addresses";
  if (isExtra && additionalSourceAddresses.length > 0) {
    problems.error(bind, "additional_source_addresses", "extra_source_addresses are given as well");
    return;
  }
  const more = [
    ...extraSourceAddresses.map(({ address }) => address),
    ...additionalSourceAddresses,
  ];
  if (more.length === 0) return;
  if (sourceAddress === undefined) {
    problems.error(bind, field, "without source_address there can be no other");
  } else if (more.length > 1) {
    problems.error(bind, field, "there can be one at most");
  } else if (isIpv6(sourceAddress) === isIpv6(more[0])) {
    problems.error(bind, field, "it must be of another IP version than source_address");
  }
}

function isIpv6(source: BindConfig["sourceAddress"]): boolean {
  return source?.address.includes(":") === true;
}

function checkRate(
  rate: Pick<RefreshRate, "baseInterval" | "maxInterval"> | undefined,
  problems: Problems,
): void {
  if (rate?.maxInterval === undefined) return;
  const baseMs = durationMsOr(rate.baseInterval, 0);
  if (durationMsOr(rate.maxInterval, baseMs) >= baseMs) return;
  problems.error(rate, "max_interval", "it must not be less than base_interval");
}
