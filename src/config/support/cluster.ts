/** envoy.config.cluster.v3, envoy.config.endpoint.v3 and what configures clusters' extensions. */

import { ALL, type SupportTable } from "./table.ts";

const NO_POLICY_HASH = "the hash policies of the route are used";

/** Rows by full message name. */
export const CLUSTER_SUPPORT: SupportTable = {
  "envoy.config.cluster.v3.Cluster": {
    acted:
      "name alt_stat_name type wait_for_warm_on_init cleanup_interval eds_cluster_config ignore_health_on_host_removal original_dst_lb_config cluster_type connect_timeout per_connection_buffer_limit_bytes lb_policy lb_subset_config load_assignment max_requests_per_connection circuit_breakers upstream_http_protocol_options common_http_protocol_options http_protocol_options http2_protocol_options typed_extension_protocol_options dns_refresh_rate dns_jitter dns_failure_refresh_rate respect_dns_ttl dns_lookup_family dns_resolvers use_tcp_for_dns_lookups dns_resolution_config typed_dns_resolver_config upstream_bind_config least_request_lb_config maglev_lb_config ring_hash_lb_config round_robin_lb_config common_lb_config transport_socket transport_socket_matches metadata protocol_selection upstream_connection_options load_balancing_policy upstream_config track_timeout_budgets track_cluster_stats connection_pool_per_downstream_connection preconnect_policy close_connections_on_host_health_failure health_checks outlier_detection",
    missing: {
      stats_matcher: "all statistics of the cluster are kept",
      per_connection_buffer_high_watermark_timeout:
        "a peer that does not read is ended by other timeouts",
      lrs_server: "load is not reported",
      lrs_report_endpoint_metrics: "load is not reported",
      queuing_policies: "waiting requests are served first come, first served",
    },
    refused: {
      transport_socket_matcher: "every endpoint is reached by transport_socket",
      filters: "upstream connections have no network filters",
    },
  },
  "envoy.config.cluster.v3.CircuitBreakers": {
    acted: "thresholds per_host_thresholds",
  },
  "envoy.config.cluster.v3.CircuitBreakers.Thresholds": {
    acted:
      "priority max_connections max_pending_requests max_requests max_retries retry_budget track_remaining max_connection_pools",
  },
  "envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget": {
    acted: "budget_percent min_retry_concurrency budget_interval",
  },
  "envoy.config.cluster.v3.Cluster.CommonLbConfig": {
    acted:
      "healthy_panic_threshold zone_aware_lb_config locality_weighted_lb_config consistent_hashing_lb_config update_merge_window ignore_new_hosts_until_first_hc close_connections_on_host_set_change",
    missing: {
      override_host_status: "no filter asks for certain endpoints",
    },
  },
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig": ALL,
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig": ALL,
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig": ALL,
  "envoy.config.cluster.v3.Cluster.CustomClusterType": ALL,
  "envoy.config.cluster.v3.Cluster.EdsClusterConfig": ALL,
  "envoy.config.cluster.v3.Cluster.LbSubsetConfig": ALL,
  "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector": ALL,
  "envoy.config.cluster.v3.Cluster.LeastRequestLbConfig": {
    acted: "choice_count active_request_bias slow_start_config",
  },
  "envoy.config.cluster.v3.Cluster.MaglevLbConfig": ALL,
  "envoy.config.cluster.v3.Cluster.OriginalDstLbConfig": ALL,
  "envoy.config.cluster.v3.Cluster.PreconnectPolicy": {
    acted: "per_upstream_preconnect_ratio predictive_preconnect_ratio",
    missing: { preconnect_enabled_metadata: "connections are opened ahead on every endpoint" },
  },
  "envoy.config.cluster.v3.Cluster.RefreshRate": ALL,
  "envoy.config.cluster.v3.Cluster.RingHashLbConfig": ALL,
  "envoy.config.cluster.v3.Cluster.RoundRobinLbConfig": ALL,
  "envoy.config.cluster.v3.Cluster.SlowStartConfig": ALL,
  "envoy.config.cluster.v3.Cluster.TransportSocketMatch": ALL,
  "envoy.config.cluster.v3.LoadBalancingPolicy": ALL,
  "envoy.config.cluster.v3.LoadBalancingPolicy.Policy": ALL,
  "envoy.config.cluster.v3.OutlierDetection": {
    acted:
      "consecutive_5xx interval base_ejection_time max_ejection_percent enforcing_consecutive_5xx enforcing_success_rate success_rate_minimum_hosts success_rate_request_volume success_rate_stdev_factor consecutive_gateway_failure enforcing_consecutive_gateway_failure split_external_local_origin_errors consecutive_local_origin_failure enforcing_consecutive_local_origin_failure enforcing_local_origin_success_rate failure_percentage_threshold enforcing_failure_percentage enforcing_failure_percentage_local_origin failure_percentage_minimum_hosts failure_percentage_request_volume max_ejection_time max_ejection_time_jitter successful_active_health_check_uneject_host always_eject_one_host",
    missing: {
      monitors: "endpoints are judged by the built-in monitors",
      detect_degraded_hosts: "responses do not make endpoints degraded",
    },
  },
  "envoy.config.cluster.v3.UpstreamConnectionOptions": {
    acted: "tcp_keepalive happy_eyeballs_config",
    missing: {
      set_local_interface_name_on_upstream_connections: "interfaces are not named in logs",
    },
  },
  "envoy.config.cluster.v3.UpstreamConnectionOptions.HappyEyeballsConfig": ALL,
  "envoy.config.cluster.v3.TrackClusterStats": {
    acted: "timeout_budgets request_response_sizes per_endpoint_stats",
  },
  "envoy.config.core.v3.HealthCheck": {
    acted:
      "name timeout interval initial_jitter interval_jitter interval_jitter_percent unhealthy_threshold healthy_threshold reuse_connection http_health_check tcp_health_check grpc_health_check no_traffic_interval no_traffic_healthy_interval unhealthy_interval unhealthy_edge_interval healthy_edge_interval event_log_path event_logger always_log_health_check_failures always_log_health_check_success tls_options transport_socket_match_criteria",
    missing: {
      event_service: "events go to files only",
      alt_port: "checks go to the endpoint's port, as Envoy's do",
    },
    refused: { custom_health_check: "endpoints would not be checked" },
  },
  "envoy.config.core.v3.HealthCheck.GrpcHealthCheck": ALL,
  "envoy.config.core.v3.HealthCheck.HttpHealthCheck": {
    acted:
      "host path send receive response_buffer_size request_headers_to_add request_headers_to_remove expected_statuses retriable_statuses codec_client_type service_name_matcher method",
    missing: { use_alpn_protocol: "checks speak what codec_client_type says" },
    refusedValues: { codec_client_type: { 2: "HTTP/3 is not spoken" } },
  },
  "envoy.config.core.v3.HealthCheck.Payload": ALL,
  "envoy.config.core.v3.HealthCheck.TcpHealthCheck": {
    acted: "send receive",
    missing: { proxy_protocol_config: "checks send no PROXY header" },
  },
  "envoy.config.core.v3.HealthCheck.TlsOptions": ALL,
  "envoy.config.endpoint.v3.ClusterLoadAssignment": {
    acted: "cluster_name endpoints policy",
    refused: { named_endpoints: "endpoints stand in their localities only" },
  },
  "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy": {
    acted: "drop_overloads overprovisioning_factor weighted_priority_health endpoint_stale_after",
  },
  "envoy.config.endpoint.v3.ClusterLoadAssignment.Policy.DropOverload": ALL,
  "envoy.config.endpoint.v3.Endpoint": {
    acted: "address hostname additional_addresses observability_name health_check_config",
  },
  "envoy.config.endpoint.v3.Endpoint.AdditionalAddress": ALL,
  "envoy.config.endpoint.v3.Endpoint.HealthCheckConfig": ALL,
  "envoy.config.endpoint.v3.LbEndpoint": {
    acted: "endpoint health_status metadata load_balancing_weight",
    refused: { endpoint_name: "endpoints stand in their localities only" },
  },
  "envoy.config.endpoint.v3.LocalityLbEndpoints": {
    acted: "locality metadata lb_endpoints load_balancing_weight priority",
    missing: { proximity: "localities are not ordered by it" },
    refused: {
      load_balancer_endpoints: "endpoints are read from the file only",
      leds_cluster_locality_config: "endpoints are read from the file only",
    },
  },
  "envoy.extensions.clusters.aggregate.v3.ClusterConfig": ALL,
  "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig": {
    acted: "dns_cache_config allow_insecure_cluster_options",
    missing: { allow_coalesced_connections: "each name has connections of its own" },
    refused: { sub_clusters_config: "no clusters are made of names" },
  },
  "envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheCircuitBreakers": ALL,
  "envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig": {
    acted:
      "name dns_lookup_family dns_refresh_rate dns_min_refresh_rate host_ttl max_hosts disable_dns_refresh_on_failure dns_failure_refresh_rate dns_cache_circuit_breaker use_tcp_for_dns_lookups dns_resolution_config typed_dns_resolver_config preresolve_hostnames dns_query_timeout",
    refused: {
      key_value_config: "no addresses outlive the process",
      resolved_address_filter: "all addresses would be used",
    },
  },
  "envoy.extensions.clusters.dns.v3.DnsCluster": ALL,
  "envoy.extensions.clusters.dns.v3.DnsCluster.RefreshRate": ALL,
  "envoy.extensions.clusters.original_dst.v3.OriginalDstCluster": ALL,
  "envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin":
    {
      acted:
        "enable_oob_load_report blackout_period weight_expiration_period weight_update_period error_utilization_penalty metric_names_for_computing_utilization slow_start_config",
      missing: {
        oob_reporting_period: "load is reported with responses only",
        oob_reporting_config: "load is reported with responses only",
      },
    },
  "envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided": ALL,
  "envoy.extensions.load_balancing_policies.common.v3.ConsistentHashingLbConfig": {
    acted: "use_hostname_for_hashing hash_balance_factor",
    missing: { hash_policy: NO_POLICY_HASH },
  },
  "envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink": ALL,
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig": {
    acted: "zone_aware_lb_config locality_weighted_lb_config",
  },
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.LocalityWeightedLbConfig":
    ALL,
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig": ALL,
  "envoy.extensions.load_balancing_policies.common.v3.LocalityLbConfig.ZoneAwareLbConfig.ForceLocalZone":
    ALL,
  "envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig": ALL,
  "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest": ALL,
  "envoy.extensions.load_balancing_policies.maglev.v3.Maglev": ALL,
  "envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost": {
    acted: "override_host_sources fallback_policy",
    missing: { selected_host_key: "the chosen endpoint is not told to filters" },
  },
  "envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost.OverrideHostSource": ALL,
  "envoy.extensions.load_balancing_policies.random.v3.Random": ALL,
  "envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash": ALL,
  "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin": ALL,
  "envoy.extensions.load_balancing_policies.subset.v3.Subset": ALL,
  "envoy.extensions.load_balancing_policies.subset.v3.Subset.LbSubsetSelector": ALL,
  "envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality": ALL,
  "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig": {
    acted: "resolvers dns_resolver_options query_timeout_seconds query_tries",
    missing: {
      use_resolvers_as_fallback: "the resolvers are asked always",
      filter_unroutable_families: "addresses of all families are used",
      udp_max_queries: "the resolver's sockets are its own",
      rotate_nameservers: "resolvers are asked in their order",
      edns0_max_payload_size: "the resolver's payload size is its own",
      max_udp_channel_duration: "the resolver's sockets are its own",
      reinit_channel_on_timeout: "the resolver's sockets are its own",
      qcache_max_ttl: "answers are not cached beyond the cluster",
    },
  },
  "envoy.config.upstream.local_address_selector.v3.DefaultLocalAddressSelector": ALL,
  "envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig": {
    acted: "num_retries",
    missing: { num_resolver_threads: "queries need no threads" },
  },
  "envoy.extensions.upstreams.http.generic.v3.GenericConnectionPoolProto": ALL,
  "envoy.extensions.upstreams.http.http.v3.HttpConnectionPoolProto": ALL,
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    acted:
      "common_http_protocol_options upstream_http_protocol_options explicit_http_config use_downstream_protocol_config auto_config hash_policy retry_policy",
    missing: {
      outlier_detection: "responses fail an endpoint by their status alone",
      request_mirror_policies: "only policies of routes mirror requests",
    },
    refused: {
      http_filters: "requests would pass without these filters",
      header_validation_config: "headers are checked in one way",
    },
  },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig": {
    acted: "http_protocol_options http2_protocol_options",
    missing: {
      http3_protocol_options: "HTTP/2 and HTTP/1.1 are used",
      alternate_protocols_cache_options: "HTTP/2 and HTTP/1.1 are used",
    },
  },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig": {
    acted: "http_protocol_options http2_protocol_options",
    refused: { http3_protocol_options: "HTTP/3 is not spoken" },
  },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig": {
    acted: "http_protocol_options http2_protocol_options",
    missing: { http3_protocol_options: "HTTP/3 is not spoken, so never taken over" },
  },
  "envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions": ALL,
};
