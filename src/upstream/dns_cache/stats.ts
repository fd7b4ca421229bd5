/** Stats below `dns_cache.<name>.`, by Envoy's names. */

import { type StatTemplate, statTemplate } from "../../stats/mod.ts";

/** Counters, then the gauge; each thread counts its own. */
export const DNS_CACHE_STATS: StatTemplate = statTemplate(
  "cache_load dns_address_filter_out dns_query_attempt dns_query_failure dns_query_success dns_query_timeout dns_rq_pending_overflow host_added host_address_changed host_overflow host_removed",
  "num_hosts",
);

/** Indices into DNS_CACHE_STATS. */
export const DNS_CACHE_STAT = {
  queryAttempt: 2,
  queryFailure: 3,
  querySuccess: 4,
  queryTimeout: 5,
  pendingOverflow: 6,
  hostAdded: 7,
  addressChanged: 8,
  hostOverflow: 9,
  hostRemoved: 10,
  hosts: 11,
} as const;

/** Below `circuit_breakers`: whether requests may wait, and how many more. */
export const DNS_BREAKER_GAUGES: StatTemplate = statTemplate(
  "",
  "rq_pending_open rq_pending_remaining",
);
