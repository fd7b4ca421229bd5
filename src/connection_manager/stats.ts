/** The stats of a connection manager, under Envoy's names: `http.<prefix>.…` and the listener's twin. */

import { statIndices, type StatTemplate, statTemplate } from "../stats/mod.ts";

const COUNTERS = [
  "downstream_cx_delayed_close_timeout",
  "downstream_cx_destroy",
  "downstream_cx_destroy_active_rq",
  "downstream_cx_destroy_local",
  "downstream_cx_destroy_local_active_rq",
  "downstream_cx_destroy_remote",
  "downstream_cx_destroy_remote_active_rq",
  "downstream_cx_drain_close",
  "downstream_cx_http1_total",
  "downstream_cx_http2_total",
  "downstream_cx_http3_total",
  "downstream_cx_idle_timeout",
  "downstream_cx_max_duration_reached",
  "downstream_cx_max_requests_reached",
  "downstream_cx_overload_disable_keepalive",
  "downstream_cx_protocol_error",
  "downstream_cx_rx_bytes_total",
  "downstream_cx_ssl_total",
  "downstream_cx_total",
  "downstream_cx_tx_bytes_total",
  "downstream_cx_upgrades_total",
  "downstream_flow_control_paused_reading_total",
  "downstream_flow_control_resumed_reading_total",
  "downstream_rq_1xx",
  "downstream_rq_2xx",
  "downstream_rq_3xx",
  "downstream_rq_4xx",
  "downstream_rq_5xx",
  "downstream_rq_completed",
  "downstream_rq_failed_path_normalization",
  "downstream_rq_header_timeout",
  "downstream_rq_http1_total",
  "downstream_rq_http2_total",
  "downstream_rq_http3_total",
  "downstream_rq_idle_timeout",
  "downstream_rq_max_duration_reached",
  "downstream_rq_non_relative_path",
  "downstream_rq_overload_close",
  "downstream_rq_redirected_with_normalized_path",
  "downstream_rq_rejected_via_ip_detection",
  "downstream_rq_response_before_rq_complete",
  "downstream_rq_rx_reset",
  "downstream_rq_timeout",
  "downstream_rq_too_large",
  "downstream_rq_too_many_premature_resets",
  "downstream_rq_total",
  "downstream_rq_tx_reset",
  "downstream_rq_ws_on_non_ws_route",
  "rs_too_large",
] as const;

const GAUGES = [
  "downstream_cx_active",
  "downstream_cx_http1_active",
  "downstream_cx_http1_soft_drain",
  "downstream_cx_http2_active",
  "downstream_cx_http3_active",
  "downstream_cx_rx_bytes_buffered",
  "downstream_cx_ssl_active",
  "downstream_cx_tx_bytes_buffered",
  "downstream_cx_upgrades_active",
  "downstream_rq_active",
] as const;

type StatName = typeof COUNTERS[number] | typeof GAUGES[number];

/** Under `http.<stat_prefix>`. */
export const HTTP_STATS: StatTemplate = statTemplate(COUNTERS.join(" "), GAUGES.join(" "));

/** Index of each in the template. */
export const STAT: Readonly<Record<StatName, number>> = statIndices(COUNTERS, GAUGES);

/** Under `listener.<address>.http.<stat_prefix>`; index 0–4 are the classes 1xx–5xx. */
export const LISTENER_HTTP_STATS: StatTemplate = statTemplate(
  "downstream_rq_1xx downstream_rq_2xx downstream_rq_3xx downstream_rq_4xx downstream_rq_5xx downstream_rq_completed",
);
/** Index of `downstream_rq_completed` in LISTENER_HTTP_STATS. */
export const LISTENER_COMPLETED = 5;

/** Under `http.<stat_prefix>.tracing`. */
export const TRACING_STATS: StatTemplate = statTemplate(
  "client_enabled health_check not_traceable random_sampling service_forced",
);
/** Indices into TRACING_STATS. */
export const TRACED = {
  clientEnabled: 0,
  healthCheck: 1,
  notTraceable: 2,
  randomSampling: 3,
  serviceForced: 4,
} as const;

/** Envoy's codec counters at the root, so that they stand in /stats before the first event. */
export const CODEC_COUNTERS: readonly string[] = [
  "http1.dropped_headers_with_underscores",
  "http1.metadata_not_supported_error",
  "http1.requests_rejected_with_underscores_in_headers",
  "http1.response_flood",
  "http2.cookies_total_bytes_too_large",
  "http2.deferred_stream_close",
  "http2.dropped_headers_with_underscores",
  "http2.goaway_sent",
  "http2.header_list_size_too_large",
  "http2.header_overflow",
  "http2.headers_cb_no_stream",
  "http2.inbound_empty_frames_flood",
  "http2.inbound_priority_frames_flood",
  "http2.inbound_window_update_frames_flood",
  "http2.keepalive_timeout",
  "http2.metadata_empty_frames",
  "http2.outbound_control_flood",
  "http2.outbound_flood",
  "http2.requests_rejected_with_underscores_in_headers",
  "http2.rx_messaging_error",
  "http2.rx_reset",
  "http2.stream_refused_errors",
  "http2.trailers",
  "http2.tx_flush_timeout",
  "http2.tx_reset",
];
