/** envoy.extensions.transport_sockets. */

import { ALL, type SupportTable } from "./table.ts";

const TLS = "envoy.extensions.transport_sockets.tls.v3";
const NO_DISCOVERY = "secrets are read from the file or from files it names";
const FIXED = "the platform's TLS library decides";

/** Rows by full message name. */
export const TLS_SUPPORT: SupportTable = {
  "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport": {
    acted: "config transport_socket tlv_as_pool_key",
    missing: {
      allow_unspecified_address: "addresses that are unspecified are written as they are",
    },
  },
  "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer": ALL,
  [`${TLS}.CertificateValidationContext`]: {
    acted:
      "trusted_ca system_root_certs verify_certificate_spki verify_certificate_hash match_typed_subject_alt_names match_subject_alt_names crl allow_expired_certificate trust_chain_verification only_verify_leaf_cert_crl max_verify_depth suppress_client_ca_list",
    missing: { watched_directory: "files are read once, at load" },
    refused: {
      ca_certificate_provider_instance: NO_DISCOVERY,
      require_signed_certificate_timestamp: "certificate transparency is not checked",
      custom_validator_config: "certificates are checked in one way",
    },
  },
  [`${TLS}.CertificateValidationContext.SystemRootCerts`]: ALL,
  [`${TLS}.CommonTlsContext`]: {
    acted:
      "tls_params tls_certificates tls_certificate_sds_secret_configs validation_context validation_context_sds_secret_config combined_validation_context alpn_protocols",
    missing: { key_log: "TLS secrets are not logged" },
    refused: {
      tls_certificate_provider_instance: NO_DISCOVERY,
      custom_tls_certificate_selector: "certificates are chosen by SNI",
      tls_certificate_certificate_provider: NO_DISCOVERY,
      tls_certificate_certificate_provider_instance: NO_DISCOVERY,
      validation_context_certificate_provider: NO_DISCOVERY,
      validation_context_certificate_provider_instance: NO_DISCOVERY,
      custom_handshaker: "handshakes are made in one way",
    },
  },
  [`${TLS}.CommonTlsContext.CombinedCertificateValidationContext`]: {
    acted: "default_validation_context validation_context_sds_secret_config",
    refused: {
      validation_context_certificate_provider: NO_DISCOVERY,
      validation_context_certificate_provider_instance: NO_DISCOVERY,
    },
  },
  [`${TLS}.DownstreamTlsContext`]: {
    acted:
      "common_tls_context require_client_certificate disable_stateless_session_resumption session_timeout ocsp_staple_policy full_scan_certs_on_sni_mismatch require_sni",
    missing: {
      session_ticket_keys: "each worker has its own keys: a session resumes only where it began",
      session_ticket_keys_sds_secret_config: "each worker has its own keys",
      prefer_client_ciphers: FIXED,
      disable_stateful_session_resumption: FIXED,
    },
  },
  [`${TLS}.GenericSecret`]: ALL,
  // A secret that stands in static_resources needs no discovery; any other source is refused.
  [`${TLS}.SdsSecretConfig`]: {
    acted: "name",
    refused: { sds_config: NO_DISCOVERY },
  },
  [`${TLS}.Secret`]: ALL,
  [`${TLS}.SubjectAltNameMatcher`]: ALL,
  [`${TLS}.TlsCertificate`]: {
    acted: "certificate_chain private_key pkcs12 password ocsp_staple",
    missing: {
      watched_directory: "files are read once, at load",
      signed_certificate_timestamp: "no timestamp is sent",
      tls_params: "the parameters of the context hold",
    },
    refused: { private_key_provider: "private keys are read as they are" },
  },
  [`${TLS}.TlsParameters`]: {
    acted:
      "tls_minimum_protocol_version tls_maximum_protocol_version cipher_suites ecdh_curves signature_algorithms",
    refused: { compliance_policies: FIXED },
  },
  [`${TLS}.TlsSessionTicketKeys`]: ALL,
  [`${TLS}.UpstreamTlsContext`]: {
    acted: "common_tls_context sni auto_host_sni auto_sni_san_validation max_session_keys",
    missing: {
      allow_renegotiation: "upstreams may not renegotiate",
      enforce_rsa_key_usage: FIXED,
    },
  },
};
