/** The stats of the TCP proxy, under `tcp.<stat_prefix>`. */

import { statIndices, type StatTemplate, statTemplate } from "../../stats/mod.ts";

const COUNTERS = [
  "downstream_cx_drain_close",
  "downstream_cx_no_route",
  "downstream_cx_overload_close",
  "downstream_cx_rx_bytes_total",
  "downstream_cx_total",
  "downstream_cx_tx_bytes_total",
  "downstream_flow_control_paused_reading_total",
  "downstream_flow_control_resumed_reading_total",
  "early_data_received_count_total",
  "idle_timeout",
  "max_downstream_connection_duration",
  "route_delayed_total",
  "upstream_flush_total",
] as const;

const GAUGES = [
  "downstream_cx_rx_bytes_buffered",
  "downstream_cx_tx_bytes_buffered",
  "upstream_flush_active",
] as const;

type StatName = typeof COUNTERS[number] | typeof GAUGES[number];

export const TCP_STATS: StatTemplate = statTemplate(COUNTERS.join(" "), GAUGES.join(" "));

/** Index of each in the template. */
export const TCP: Readonly<Record<StatName, number>> = statIndices(COUNTERS, GAUGES);
