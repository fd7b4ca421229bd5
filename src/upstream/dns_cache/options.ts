/** DnsCacheConfig, as clusters and filters carry it, with Envoy's defaults filled in. */

import { durationMsOr, type Problems } from "../../base/mod.ts";
import type {
  envoy_extensions_common_dynamic_forward_proxy_v3_DnsCacheConfig as DnsCacheConfig,
} from "../../proto/mod.ts";
import { compileFailureBackOff, compileResolver, LOOKUP_FAMILIES } from "../main/discovery.ts";
import type { DnsCacheOptions } from "./api.ts";

const REFRESH_MS = 60_000;
const MIN_REFRESH_MS = 5000;
const HOST_TTL_MS = 300_000;
const MAX_HOSTS = 1024;
const MAX_PENDING_REQUESTS = 1024;
const QUERY_TIMEOUT_MS = 5000;

/** A cache's options; what is not acted on is reported to `problems`. */
export function compileDnsCache(config: DnsCacheConfig, problems: Problems): DnsCacheOptions {
  if (config.keyValueConfig !== undefined) {
    problems.unsupported(config, "key_value_config", "no addresses outlive the process", true);
  }
  if (config.resolvedAddressFilter !== undefined) {
    problems.unsupported(config, "resolved_address_filter", "all addresses would be used", true);
  }
  const refreshMs = durationMsOr(config.dnsRefreshRate, REFRESH_MS);
  return {
    name: config.name,
    family: LOOKUP_FAMILIES[config.dnsLookupFamily] ?? "auto",
    refreshMs,
    minRefreshMs: durationMsOr(config.dnsMinRefreshRate, MIN_REFRESH_MS),
    hostTtlMs: durationMsOr(config.hostTtl, HOST_TTL_MS),
    maxHosts: config.maxHosts ?? MAX_HOSTS,
    ...compileFailureBackOff(config.dnsFailureRefreshRate, refreshMs),
    refreshesOnFailure: !config.disableDnsRefreshOnFailure,
    maxPendingRequests: config.dnsCacheCircuitBreaker?.maxPendingRequests ?? MAX_PENDING_REQUESTS,
    queryTimeoutMs: durationMsOr(config.dnsQueryTimeout, QUERY_TIMEOUT_MS),
    resolver: compileResolver(config, problems),
    preresolve: config.preresolveHostnames.map(({ address, portSpecifier }) => ({
      host: address,
      port: portSpecifier.case === "portValue" ? portSpecifier.value : 0,
    })),
  };
}
