/** envoy.config.accesslog.v3, the access loggers and the formatters. */

import { ALL, type SupportTable } from "./table.ts";

/** Rows by full message name. */
export const ACCESS_LOG_SUPPORT: SupportTable = {
  "envoy.config.accesslog.v3.AccessLog": ALL,
  "envoy.config.accesslog.v3.AccessLogFilter": {
    acted:
      "status_code_filter duration_filter not_health_check_filter traceable_filter runtime_filter and_filter or_filter header_filter response_flag_filter grpc_status_filter metadata_filter log_type_filter",
    missing: { extension_filter: "what it would leave out is logged" },
  },
  "envoy.config.accesslog.v3.AndFilter": ALL,
  "envoy.config.accesslog.v3.ComparisonFilter": ALL,
  "envoy.config.accesslog.v3.DurationFilter": ALL,
  "envoy.config.accesslog.v3.GrpcStatusFilter": ALL,
  "envoy.config.accesslog.v3.HeaderFilter": ALL,
  "envoy.config.accesslog.v3.LogTypeFilter": ALL,
  "envoy.config.accesslog.v3.MetadataFilter": ALL,
  "envoy.config.accesslog.v3.NotHealthCheckFilter": ALL,
  "envoy.config.accesslog.v3.OrFilter": ALL,
  "envoy.config.accesslog.v3.ResponseFlagFilter": ALL,
  "envoy.config.accesslog.v3.RuntimeFilter": ALL,
  "envoy.config.accesslog.v3.StatusCodeFilter": ALL,
  "envoy.config.accesslog.v3.TraceableFilter": ALL,
  "envoy.extensions.access_loggers.file.v3.FileAccessLog": ALL,
  "envoy.extensions.access_loggers.stream.v3.StderrAccessLog": ALL,
  "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog": ALL,
  "envoy.extensions.formatter.metadata.v3.Metadata": ALL,
  "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery": ALL,
};
