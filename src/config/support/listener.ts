/** envoy.config.listener.v3, the listener filters and the network filters. */

import { ALL, type SupportTable } from "./table.ts";

const NO_DISCOVERY = "filters are read from the file only";
const NO_SOCKET_OPTION = "the option is not set on the listener's socket";

/** Rows by full message name. */
export const LISTENER_SUPPORT: SupportTable = {
  "envoy.config.listener.v3.Listener": {
    acted:
      "name address additional_addresses stat_prefix filter_chains default_filter_chain per_connection_buffer_limit_bytes metadata drain_type listener_filters listener_filters_timeout continue_on_listener_filters_timeout traffic_direction reuse_port enable_reuse_port access_log tcp_backlog_size max_connections_to_accept_per_socket_event bind_to_port ignore_global_conn_limit bypass_overload_manager tcp_keepalive filter_chain_matcher internal_listener",
    missing: {
      stats_matcher: "all statistics of the listener are kept",
      per_connection_buffer_high_watermark_timeout:
        "a peer that does not read is ended by other timeouts",
      freebind: NO_SOCKET_OPTION,
      socket_options: NO_SOCKET_OPTION,
      tcp_fast_open_queue_length: NO_SOCKET_OPTION,
      enable_mptcp: NO_SOCKET_OPTION,
      connection_balance_config: "the kernel spreads connections over the workers",
    },
    refused: {
      fcds_config: NO_DISCOVERY,
      use_original_dst: "connections are not handed to other listeners",
      deprecated_v1: "connections are not handed to other listeners",
      transparent: "the original destination address is not kept",
      udp_listener_config: "UDP is not served",
      api_listener: "there is no in-process client",
    },
  },
  "envoy.config.listener.v3.Listener.InternalListenerConfig": ALL,
  "envoy.config.listener.v3.AdditionalAddress": {
    acted: "address tcp_keepalive",
    missing: { socket_options: NO_SOCKET_OPTION },
  },
  "envoy.config.listener.v3.FilterChain": {
    acted:
      "filter_chain_match filters metadata transport_socket transport_socket_connect_timeout name",
    refused: { use_proxy_proto: "use the listener filter envoy.filters.listener.proxy_protocol" },
  },
  "envoy.config.listener.v3.FilterChainMatch": ALL,
  "envoy.config.listener.v3.Filter": {
    acted: "name typed_config",
    refused: { config_discovery: NO_DISCOVERY },
  },
  "envoy.config.listener.v3.ListenerFilter": {
    acted: "name typed_config filter_disabled",
    refused: { config_discovery: NO_DISCOVERY },
  },
  "envoy.config.listener.v3.ListenerFilterChainMatchPredicate": ALL,
  "envoy.config.listener.v3.ListenerFilterChainMatchPredicate.MatchSet": ALL,
  "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector": ALL,
  "envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit": ALL,
  "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol": ALL,
  "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.KeyValuePair": ALL,
  "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.Rule": ALL,
  "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector": {
    acted:
      "enable_ja3_fingerprinting enable_ja4_fingerprinting initial_read_buffer_size close_connection_on_client_hello_parsing_errors max_client_hello_size",
  },
  "envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue": {
    acted: "object_key factory_key format_string skip_if_empty",
    missing: {
      read_only: "nothing; Envoy does not act on it either",
      shared_with_upstream: "the object stays with the downstream connection",
    },
  },
  "envoy.extensions.filters.network.direct_response.v3.Config": ALL,
  "envoy.extensions.filters.network.echo.v3.Echo": ALL,
  "envoy.extensions.filters.network.set_filter_state.v3.Config": ALL,
  "envoy.extensions.filters.network.sni_cluster.v3.SniCluster": ALL,
  "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig": {
    acted: "dns_cache_config port_value",
    missing: { save_upstream_address: "no filter reads the address" },
  },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy": {
    acted:
      "stat_prefix cluster weighted_clusters metadata_match idle_timeout access_log max_connect_attempts backoff_options hash_policy max_downstream_connection_duration max_downstream_connection_duration_jitter_percentage access_log_flush_interval flush_access_log_on_connected access_log_options upstream_connect_mode max_early_data_bytes tunneling_config",
    missing: {
      downstream_idle_timeout: "only idle_timeout ends idle connections",
      upstream_idle_timeout: "only idle_timeout ends idle connections",
      check_drain_close: "a connection outlives the drain of its listener up to the drain time",
    },
    refused: {
      on_demand: "clusters are read from the file only",
      proxy_protocol_tlvs: "no PROXY header is written",
      proxy_protocol_tlv_merge_policy: "no PROXY header is written",
    },
  },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions": {
    acted: "access_log_flush_interval flush_access_log_on_connected",
    missing: { flush_access_log_on_start: "a connection is not logged before its upstream's" },
  },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig": {
    acted:
      "hostname use_post headers_to_add propagate_response_headers post_path propagate_response_trailers",
    missing: {
      request_id_extension: "requests that open tunnels have no id",
      request_id_header: "requests that open tunnels have no id",
      request_id_metadata_key: "requests that open tunnels have no id",
      formatters: "their operators are empty",
    },
  },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster": ALL,
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight": ALL,
  "envoy.type.v3.HashPolicy": ALL,
  "envoy.type.v3.HashPolicy.FilterState": ALL,
  "envoy.type.v3.HashPolicy.SourceIp": ALL,
};
