/** The HTTP connection manager, its extensions and the HTTP filters. */

import { ALL, type SupportTable } from "./table.ts";

const HCM = "envoy.extensions.filters.network.http_connection_manager.v3";
const NO_DISCOVERY = "it is read from the file only";

/** Rows by full message name. */
export const HTTP_SUPPORT: SupportTable = {
  [`${HCM}.HttpConnectionManager`]: {
    acted:
      "codec_type stat_prefix route_config http_filters add_user_agent common_http_protocol_options http1_safe_max_connection_duration http_protocol_options http2_protocol_options server_name server_header_transformation scheme_header_transformation max_request_headers_kb stream_idle_timeout stream_flush_timeout request_timeout request_headers_timeout drain_timeout drain_timeout_jitter delayed_close_timeout access_log use_remote_address xff_num_trusted_hops original_ip_detection_extensions early_header_mutation_extensions internal_address_config skip_xff_append via generate_request_id preserve_external_request_id always_set_request_id_in_response forward_client_cert_details set_current_client_cert_details proxy_100_continue represent_ipv4_remote_address_as_ipv4_mapped_ipv6 upgrade_configs normalize_path merge_slashes path_with_escaped_slashes_action request_id_extension local_reply_config strip_matching_host_port strip_any_host_port stream_error_on_invalid_http_message path_normalization_options strip_trailing_host_dot proxy_status_config append_x_forwarded_port append_local_overload forward_proto_config access_log_flush_interval flush_access_log_on_new_request access_log_options",
    missing: {
      add_proxy_protocol_connection_state:
        "upstream PROXY headers carry the client's addresses in any case",
      tracing: "requests are not traced",
      http3_protocol_options: "HTTP/3 is not served",
      record_route_resolution_stats: "route look-ups have no statistics",
    },
    refused: {
      rds: `the route table is missing: ${NO_DISCOVERY}`,
      scoped_routes: `the route tables are missing: one route_config serves`,
      forward_client_cert_matcher: "x-forwarded-client-cert is treated alike for all requests",
      typed_header_validation_config: "headers are checked in one way",
    },
    refusedValues: { codec_type: { 3: "HTTP/3 is not served" } },
  },
  [`${HCM}.HttpConnectionManager.HcmAccessLogOptions`]: ALL,
  [`${HCM}.HttpConnectionManager.InternalAddressConfig`]: ALL,
  [`${HCM}.HttpConnectionManager.PathNormalizationOptions`]: ALL,
  [`${HCM}.HttpConnectionManager.ProxyStatusConfig`]: ALL,
  [`${HCM}.HttpConnectionManager.SetCurrentClientCertDetails`]: ALL,
  [`${HCM}.HttpConnectionManager.UpgradeConfig`]: {
    acted: "upgrade_type filters enabled",
  },
  [`${HCM}.ForwardProtoConfig`]: ALL,
  [`${HCM}.HttpFilter`]: {
    acted: "name typed_config is_optional disabled",
    refused: { config_discovery: NO_DISCOVERY },
  },
  [`${HCM}.LocalReplyConfig`]: ALL,
  [`${HCM}.RequestIDExtension`]: ALL,
  [`${HCM}.ResponseMapper`]: ALL,
  "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig": {
    acted: "dns_cache_config save_upstream_address allow_dynamic_host_from_filter_state",
    refused: { sub_cluster_config: "no clusters are made of names" },
  },
  "envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig": ALL,
  "envoy.config.core.v3.KeyValueAppend": {
    acted: "record action",
    missing: { entry: "nothing; Envoy does not act on it either" },
  },
  "envoy.config.core.v3.KeyValueMutation": ALL,
  "envoy.config.core.v3.KeyValuePair": ALL,
  "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation": ALL,
  "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute": ALL,
  "envoy.extensions.filters.http.header_mutation.v3.Mutations": ALL,
  "envoy.extensions.filters.http.header_to_metadata.v3.Config": ALL,
  "envoy.extensions.filters.http.header_to_metadata.v3.Config.KeyValuePair": ALL,
  "envoy.extensions.filters.http.header_to_metadata.v3.Config.Rule": ALL,
  "envoy.extensions.filters.http.health_check.v3.HealthCheck": ALL,
  "envoy.extensions.filters.http.router.v3.Router": {
    acted:
      "dynamic_stats suppress_envoy_headers strict_check_headers respect_expected_rq_timeout suppress_grpc_request_failure_code_stats upstream_log upstream_log_options",
    missing: {
      start_child_span: "requests are not traced",
      reject_connect_request_early_data: "what a client sends before CONNECT is answered is kept",
    },
    refused: { upstream_http_filters: "requests would pass without these filters" },
  },
  "envoy.extensions.filters.http.router.v3.Router.UpstreamAccessLogOptions": ALL,
  "envoy.extensions.filters.http.set_filter_state.v3.Config": ALL,
  "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec": ALL,
  "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation": ALL,
  "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig": ALL,
  "envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig": ALL,
  "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig": ALL,
  "envoy.extensions.http.original_ip_detection.xff.v3.XffTrustedCidrs": ALL,
  "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig": ALL,
};
