/** envoy.config.bootstrap.v3. */

import { ALL, type SupportTable } from "./table.ts";

const NO_DISCOVERY = "resources are read from the file only";
const NO_WATCHDOG = "a worker that hangs is replaced after fixed times";

/** Rows by full message name. */
export const BOOTSTRAP_SUPPORT: SupportTable = {
  "envoy.config.bootstrap.v3.Bootstrap": {
    acted:
      "bootstrap_extensions node static_resources cluster_manager stats_flush_interval stats_flush_on_admin layered_runtime admin use_tcp_for_dns_lookups dns_resolution_config typed_dns_resolver_config default_regex_engine",
    missing: {
      node_context_params: "no management server is told of the node",
      stats_config: "statistics have Envoy's default tags and buckets, and all are kept",
      stats_server_version_override: "server.version is the proxy's own",
      application_log_config: "--log-format gives the format of the proxy's log",
      hds_config: "no health is checked for a management server",
      flags_path: "no feature flags are read from files",
      stats_sinks: "statistics are not sent, only shown by admin",
      deferred_stat_options: "all statistics are created at load",
      stats_eviction_interval: "unused statistics are kept",
      watchdog: NO_WATCHDOG,
      watchdogs: NO_WATCHDOG,
      tracing: "requests are not traced",
      overload_manager: "nothing is shed under overload but what other limits refuse",
      enable_dispatcher_stats: "event loops have no statistics of their own",
      fatal_actions: "no action runs on a crash",
      default_socket_interface: "sockets are the platform's own",
      certificate_provider_instances: "certificates come from the file or from files it names",
      inline_headers: "all custom headers are looked up alike",
      perf_tracing_file_path: "no performance trace is written",
      xds_delegate_extension: NO_DISCOVERY,
      xds_config_tracker_extension: NO_DISCOVERY,
      listener_manager: "listeners are managed in one way",
      grpc_async_client_manager_config: "no gRPC client is cached",
      memory_allocator_manager: "the memory of the runtime is its own",
      enable_worker_cpu_affinity: "workers run on any core",
    },
    refused: {
      header_prefix: "headers keep the prefix x-envoy-",
      dynamic_resources: NO_DISCOVERY,
      config_sources: NO_DISCOVERY,
      default_config_source: NO_DISCOVERY,
    },
  },
  "envoy.config.bootstrap.v3.Bootstrap.StaticResources": { acted: "listeners clusters secrets" },
  "envoy.config.bootstrap.v3.Admin": {
    acted: "access_log access_log_path address ignore_global_conn_limit",
    missing: {
      profile_path: "no profile is written",
      socket_options: "the options are not set on admin's socket",
    },
    refused: { allow_paths: "all paths of admin are served" },
  },
  "envoy.config.bootstrap.v3.ClusterManager": {
    acted: "local_cluster_name outlier_detection upstream_bind_config",
    missing: {
      load_stats_config: "load is not reported",
      enable_deferred_cluster_creation: "clusters are created at load",
    },
  },
  "envoy.config.bootstrap.v3.ClusterManager.OutlierDetection": {
    acted: "event_log_path",
    missing: { event_service: "ejections are logged to the file only" },
  },
  "envoy.config.bootstrap.v3.LayeredRuntime": ALL,
  "envoy.config.bootstrap.v3.RuntimeLayer": {
    acted: "name static_layer disk_layer admin_layer",
    refused: { rtds_layer: "the layer stays empty" },
  },
  "envoy.config.bootstrap.v3.RuntimeLayer.AdminLayer": ALL,
  "envoy.config.bootstrap.v3.RuntimeLayer.DiskLayer": ALL,
  "envoy.extensions.bootstrap.internal_listener.v3.InternalListener": {
    acted: "",
    missing: { buffer_size_kb: "internal connections hold up to 1 MiB each way" },
  },
};
