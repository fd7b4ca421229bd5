/** envoy.config.route.v3 and what configures routes' extensions. */

import { ALL, type SupportTable } from "./table.ts";

const NO_TRACING = "requests are not traced";
const NO_SPECIFIERS = "routes are chosen by virtual hosts only";
const NO_CORS = "browsers of other origins get no permission";
const NOT_IN_ENVOY = "nothing; Envoy does not act on it either";

/** Rows by full message name. */
export const ROUTE_SUPPORT: SupportTable = {
  "envoy.config.common.mutation_rules.v3.HeaderMutation": ALL,
  "envoy.config.common.mutation_rules.v3.HeaderMutation.RemoveOnMatch": ALL,
  "envoy.config.route.v3.RouteConfiguration": {
    acted:
      "name virtual_hosts internal_only_headers response_headers_to_add response_headers_to_remove request_headers_to_add request_headers_to_remove most_specific_header_mutations_wins validate_clusters max_direct_response_body_size_bytes request_mirror_policies ignore_port_in_host_matching vhost_header ignore_path_parameters_in_path_matching typed_per_filter_config metadata",
    refused: {
      vhds: "virtual hosts are read from the file only",
      cluster_specifier_plugins: "clusters are chosen by routes only",
      route_specifiers: NO_SPECIFIERS,
    },
  },
  "envoy.config.route.v3.VirtualHost": {
    acted:
      "name domains routes matcher require_tls virtual_clusters rate_limits request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove typed_per_filter_config include_request_attempt_count include_attempt_count_in_response retry_policy include_is_timeout_retry_header per_request_buffer_limit_bytes request_body_buffer_limit request_mirror_policies metadata hedge_policy",
    missing: { retry_policy_typed_config: NOT_IN_ENVOY },
    refused: {
      cors: NO_CORS,
      route_specifiers: NO_SPECIFIERS,
    },
  },
  "envoy.config.route.v3.Route": {
    acted:
      "name match route redirect direct_response non_forwarding_action metadata typed_per_filter_config request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove per_request_buffer_limit_bytes stat_prefix request_body_buffer_limit decorator",
    missing: { tracing: NO_TRACING },
    refused: {
      filter_action: "the action of a filter is not taken",
      route_specifiers: NO_SPECIFIERS,
    },
  },
  "envoy.config.route.v3.RouteMatch": ALL,
  "envoy.config.route.v3.RouteMatch.ConnectMatcher": ALL,
  "envoy.config.route.v3.RouteMatch.GrpcRouteMatchOptions": ALL,
  "envoy.config.route.v3.RouteMatch.TlsContextMatchOptions": ALL,
  "envoy.config.route.v3.QueryParameterMatcher": ALL,
  "envoy.config.route.v3.CookieMatcher": ALL,
  "envoy.config.route.v3.HeaderMatcher": ALL,
  "envoy.config.route.v3.HedgePolicy": {
    acted: "hedge_on_per_try_timeout",
    missing: { initial_requests: NOT_IN_ENVOY, additional_request_chance: NOT_IN_ENVOY },
  },
  "envoy.config.route.v3.RouteAction": {
    acted:
      "cluster cluster_header weighted_clusters metadata_match cluster_not_found_response_code prefix_rewrite regex_rewrite path_rewrite_policy path_rewrite host_rewrite_literal auto_host_rewrite host_rewrite_header host_rewrite_path_regex host_rewrite append_x_forwarded_host timeout idle_timeout flush_timeout retry_policy request_mirror_policies priority rate_limits include_vh_rate_limits hash_policy max_grpc_timeout grpc_timeout_offset upgrade_configs internal_redirect_policy internal_redirect_action max_internal_redirects max_stream_duration hedge_policy",
    missing: {
      retry_policy_typed_config: NOT_IN_ENVOY,
      early_data_policy: "early data is not taken",
    },
    refused: {
      cluster_specifier_plugin: "clusters are chosen by routes only",
      inline_cluster_specifier_plugin: "clusters are chosen by routes only",
      cors: NO_CORS,
    },
  },
  "envoy.config.route.v3.RouteAction.HashPolicy": ALL,
  "envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties": ALL,
  "envoy.config.route.v3.RouteAction.HashPolicy.Cookie": ALL,
  "envoy.config.route.v3.RouteAction.HashPolicy.CookieAttribute": ALL,
  "envoy.config.route.v3.RouteAction.HashPolicy.FilterState": ALL,
  "envoy.config.route.v3.RouteAction.HashPolicy.Header": ALL,
  "envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter": ALL,
  "envoy.config.route.v3.RouteAction.MaxStreamDuration": ALL,
  "envoy.config.route.v3.RouteAction.RequestMirrorPolicy": {
    acted:
      "cluster cluster_header runtime_fraction disable_shadow_host_suffix_append request_headers_mutations host_rewrite_literal",
    missing: { trace_sampled: NO_TRACING },
  },
  "envoy.config.route.v3.RouteAction.UpgradeConfig": ALL,
  "envoy.config.route.v3.RouteAction.UpgradeConfig.ConnectConfig": ALL,
  "envoy.config.route.v3.InternalRedirectPolicy": ALL,
  "envoy.config.route.v3.RedirectAction": ALL,
  "envoy.config.route.v3.DirectResponseAction": ALL,
  "envoy.config.route.v3.NonForwardingAction": ALL,
  "envoy.config.route.v3.Decorator": ALL,
  "envoy.config.route.v3.FilterConfig": ALL,
  "envoy.config.route.v3.RateLimit": ALL,
  "envoy.config.route.v3.RateLimit.Action": ALL,
  "envoy.config.route.v3.RateLimit.Action.DestinationCluster": ALL,
  "envoy.config.route.v3.RateLimit.Action.DynamicMetaData": ALL,
  "envoy.config.route.v3.RateLimit.Action.GenericKey": ALL,
  "envoy.config.route.v3.RateLimit.Action.HeaderValueMatch": ALL,
  "envoy.config.route.v3.RateLimit.Action.MaskedRemoteAddress": ALL,
  "envoy.config.route.v3.RateLimit.Action.MetaData": ALL,
  "envoy.config.route.v3.RateLimit.Action.QueryParameters": ALL,
  "envoy.config.route.v3.RateLimit.Action.QueryParameterValueMatch": ALL,
  "envoy.config.route.v3.RateLimit.Action.RemoteAddress": ALL,
  "envoy.config.route.v3.RateLimit.Action.RemoteAddressMatch": ALL,
  "envoy.config.route.v3.RateLimit.Action.RequestHeaders": ALL,
  "envoy.config.route.v3.RateLimit.Action.SourceCluster": ALL,
  "envoy.config.route.v3.RateLimit.HitsAddend": ALL,
  "envoy.config.route.v3.RateLimit.Override": ALL,
  "envoy.config.route.v3.RateLimit.Override.DynamicMetadata": ALL,
  "envoy.config.route.v3.RateLimit.Override.RateLimitOverride": ALL,
  "envoy.config.route.v3.RetryPolicy": {
    acted:
      "retry_on num_retries per_try_timeout per_try_idle_timeout host_selection_retry_max_attempts retriable_status_codes retry_back_off rate_limited_retry_back_off retriable_headers retriable_request_headers retry_host_predicate retry_priority refresh_cluster_on_retry",
    missing: {
      retry_options_predicates: "retries keep the options of the first attempt",
    },
  },
  "envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff": ALL,
  "envoy.config.route.v3.RetryPolicy.ResetHeader": ALL,
  "envoy.config.route.v3.RetryPolicy.RetryBackOff": ALL,
  "envoy.config.route.v3.RetryPolicy.RetryHostPredicate": ALL,
  "envoy.config.route.v3.RetryPolicy.RetryPriority": ALL,
  "envoy.config.route.v3.VirtualCluster": ALL,
  "envoy.config.route.v3.WeightedCluster": ALL,
  "envoy.config.route.v3.WeightedCluster.ClusterWeight": {
    acted:
      "name cluster_header weight metadata_match request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove typed_per_filter_config host_rewrite_literal",
  },
  "envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig": ALL,
  "envoy.extensions.internal_redirect.previous_routes.v3.PreviousRoutesConfig": ALL,
  "envoy.extensions.internal_redirect.safe_cross_scheme.v3.SafeCrossSchemeConfig": ALL,
  "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig": ALL,
  "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig": ALL,
  "envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate": ALL,
  "envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig": ALL,
  "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate": ALL,
  "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig": ALL,
  "envoy.type.matcher.v3.RegexMatchAndSubstitute": ALL,
};
