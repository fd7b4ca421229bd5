/** envoy.config.core.v3 and the small value types it shares with all others. */

import { ALL, type SupportTable } from "./table.ts";

const NO_DISCOVERY = "resources are read from the file only";

/** Rows by full message name. */
export const CORE_SUPPORT: SupportTable = {
  "envoy.config.core.v3.Address": ALL,
  "envoy.config.core.v3.EnvoyInternalAddress": ALL,
  "envoy.config.core.v3.SocketAddress": {
    acted: "protocol address port_value ipv4_compat",
    missing: { resolver_name: "names are resolved as the cluster says" },
    refused: {
      named_port: "services are not looked up",
      network_namespace_filepath: "sockets are opened in the namespace of the process",
    },
    refusedValues: { protocol: { 1: "UDP is not served" } },
  },
  "envoy.config.core.v3.Pipe": { acted: "path mode" },
  "envoy.config.core.v3.BackoffStrategy": ALL,
  "envoy.config.core.v3.BindConfig": {
    acted:
      "source_address extra_source_addresses additional_source_addresses local_address_selector",
    missing: {
      socket_options: "the options are not set on upstream sockets",
      validate_network_namespaces: "network namespaces are not used",
    },
    refused: { freebind: "the source address must be the machine's own" },
  },
  "envoy.config.core.v3.BuildVersion": ALL,
  "envoy.config.core.v3.CidrRange": ALL,
  "envoy.config.core.v3.DataSource": {
    acted: "filename inline_bytes inline_string environment_variable",
    missing: { watched_directory: "the file is read once, at load" },
  },
  "envoy.config.core.v3.DnsResolutionConfig": ALL,
  "envoy.config.core.v3.DnsResolverOptions": ALL,
  "envoy.config.core.v3.Extension": ALL,
  "envoy.config.core.v3.ExtraSourceAddress": {
    acted: "address",
    missing: { socket_options: "the options are not set on upstream sockets" },
  },
  "envoy.config.core.v3.HeaderValue": ALL,
  "envoy.config.core.v3.HeaderValueOption": ALL,
  "envoy.config.core.v3.Http1ProtocolOptions": ALL,
  "envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat": ALL,
  "envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords": ALL,
  "envoy.config.core.v3.Http2ProtocolOptions": {
    acted:
      "hpack_table_size max_concurrent_streams initial_stream_window_size initial_connection_window_size allow_connect max_outbound_frames max_outbound_control_frames max_consecutive_inbound_frames_with_empty_payload max_inbound_priority_frames_per_stream max_inbound_window_update_frames_per_data_frame_sent stream_error_on_invalid_http_messaging override_stream_error_on_invalid_http_message custom_settings_parameters connection_keepalive use_oghttp2_codec",
    missing: {
      allow_metadata: "METADATA frames are ignored",
      max_metadata_size: "METADATA frames are ignored",
      enable_huffman_encoding: "the encoder takes the shorter form",
      max_header_field_size_kb: "a header is bounded by the size of all headers",
      stream_reset_burst: "resets are bounded by limits of the codec's own",
      stream_reset_rate: "resets are bounded by limits of the codec's own",
    },
    refused: { disallow_obs_text: "bytes above 0x7f are taken in header values" },
  },
  "envoy.config.core.v3.Http2ProtocolOptions.SettingsParameter": ALL,
  "envoy.config.core.v3.HttpProtocolOptions": ALL,
  "envoy.config.core.v3.JsonFormatOptions": ALL,
  "envoy.config.core.v3.KeepaliveSettings": ALL,
  "envoy.config.core.v3.Locality": ALL,
  "envoy.config.core.v3.Metadata": ALL,
  "envoy.config.core.v3.Node": ALL,
  "envoy.config.core.v3.ProxyProtocolConfig": ALL,
  "envoy.config.core.v3.ProxyProtocolPassThroughTLVs": ALL,
  "envoy.config.core.v3.TlvEntry": {
    acted: "type value",
    refused: { format_string: "the PROXY header would lack the value" },
  },
  "envoy.config.core.v3.RuntimeDouble": ALL,
  "envoy.config.core.v3.RuntimeFeatureFlag": ALL,
  "envoy.config.core.v3.RuntimeFractionalPercent": ALL,
  "envoy.config.core.v3.RuntimeUInt32": ALL,
  "envoy.config.core.v3.SchemeHeaderTransformation": {
    acted: "scheme_to_overwrite",
    missing: { match_upstream: "the scheme stays the downstream's" },
  },
  "envoy.config.core.v3.SubstitutionFormatString": ALL,
  "envoy.config.core.v3.TcpKeepalive": {
    acted: "keepalive_time",
    missing: {
      keepalive_interval: "the operating system's interval between probes holds",
      keepalive_probes: "the operating system's number of probes holds",
    },
  },
  "envoy.config.core.v3.TransportSocket": ALL,
  "envoy.config.core.v3.TypedExtensionConfig": ALL,
  "envoy.config.core.v3.UpstreamHttpProtocolOptions": ALL,
  "envoy.config.core.v3.ConfigSource": {
    acted: "path path_config_source initial_fetch_timeout resource_api_version",
    refused: {
      api_config_source: NO_DISCOVERY,
      ads: NO_DISCOVERY,
      self: NO_DISCOVERY,
    },
  },
  "envoy.config.core.v3.PathConfigSource": {
    acted: "path watched_directory",
    missing: { poll_interval: "the file is read again when it is replaced" },
  },
  "envoy.config.core.v3.WatchedDirectory": ALL,
  "envoy.type.http.v3.PathTransformation": ALL,
  "envoy.type.http.v3.PathTransformation.Operation": ALL,
  "envoy.type.http.v3.PathTransformation.Operation.MergeSlashes": ALL,
  "envoy.type.http.v3.PathTransformation.Operation.NormalizePathRFC3986": ALL,
  "envoy.type.v3.DoubleRange": ALL,
  "envoy.type.v3.FractionalPercent": ALL,
  "envoy.type.v3.HttpStatus": ALL,
  "envoy.type.v3.Int32Range": ALL,
  "envoy.type.v3.Int64Range": ALL,
  "envoy.type.v3.Percent": ALL,
  "envoy.type.v3.SemanticVersion": ALL,
  "envoy.type.v3.TokenBucket": ALL,
  "xds.core.v3.CidrRange": ALL,
  "xds.core.v3.ContextParams": ALL,
  "xds.core.v3.TypedExtensionConfig": ALL,
};
