/** Why TLS failed, in the words of Envoy's library: logs and replies carry them, operators grep for them. */

/** ERR_PACK(ERR_LIB_SSL, 0); reasons are added, alerts as 1000 + their number. */
const LIBRARY_SSL = 16 << 24;

const ALERTS: { readonly [name: string]: readonly [number, string] } = {
  UnexpectedMessage: [10, "SSLV3_ALERT_UNEXPECTED_MESSAGE"],
  BadRecordMac: [20, "SSLV3_ALERT_BAD_RECORD_MAC"],
  HandshakeFailure: [40, "SSLV3_ALERT_HANDSHAKE_FAILURE"],
  BadCertificate: [42, "SSLV3_ALERT_BAD_CERTIFICATE"],
  UnsupportedCertificate: [43, "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"],
  CertificateRevoked: [44, "SSLV3_ALERT_CERTIFICATE_REVOKED"],
  CertificateExpired: [45, "SSLV3_ALERT_CERTIFICATE_EXPIRED"],
  CertificateUnknown: [46, "SSLV3_ALERT_CERTIFICATE_UNKNOWN"],
  IllegalParameter: [47, "SSLV3_ALERT_ILLEGAL_PARAMETER"],
  UnknownCA: [48, "TLSV1_ALERT_UNKNOWN_CA"],
  AccessDenied: [49, "TLSV1_ALERT_ACCESS_DENIED"],
  DecodeError: [50, "TLSV1_ALERT_DECODE_ERROR"],
  DecryptError: [51, "TLSV1_ALERT_DECRYPT_ERROR"],
  ProtocolVersion: [70, "TLSV1_ALERT_PROTOCOL_VERSION"],
  InsufficientSecurity: [71, "TLSV1_ALERT_INSUFFICIENT_SECURITY"],
  InternalError: [80, "TLSV1_ALERT_INTERNAL_ERROR"],
  UserCanceled: [90, "TLSV1_ALERT_USER_CANCELLED"],
  UnrecognizedName: [112, "TLSV1_UNRECOGNIZED_NAME"],
  UnrecognisedName: [112, "TLSV1_UNRECOGNIZED_NAME"],
  CertificateRequired: [116, "TLSV1_CERTIFICATE_REQUIRED"],
  NoApplicationProtocol: [120, "TLSV1_ALERT_NO_APPLICATION_PROTOCOL"],
};

/** What our side found wrong, by a part of the library's text. */
const FINDINGS: readonly (readonly [RegExp, number, string])[] = [
  [/no certificates|peer sent no cert/i, 192, "PEER_DID_NOT_RETURN_A_CERTIFICATE"],
  [/cipher ?suites? in common|NoCipherSuitesInCommon/i, 184, "NO_SHARED_CIPHER"],
  [/incompatible.*version|versions? (not|un)|Tls1[23]NotOffered/i, 240, "UNSUPPORTED_PROTOCOL"],
  [/application protocol/i, 307, "NO_APPLICATION_PROTOCOL"],
  [/corrupt message|invalid ?content ?type|wrong.version/i, 247, "WRONG_VERSION_NUMBER"],
  [/decrypt/i, 130, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"],
  [/invalid peer certificate|UNABLE_TO|CERT_/i, 125, "CERTIFICATE_VERIFY_FAILED"],
];

/** `TLS_error:|268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end`. */
export function tlsErrorText(reason: number, name: string, more = ""): string {
  const rest = more === "" ? "" : `:${more}`;
  return `TLS_error:|${
    LIBRARY_SSL + reason
  }:SSL routines:OPENSSL_internal:${name}${rest}:TLS_error_end`;
}

/** The peer's certificate was refused by a check of ours. */
export function verifyFailedText(why: string): string {
  return tlsErrorText(125, "CERTIFICATE_VERIFY_FAILED", `verify cert failed: ${why}`);
}

export const WRONG_VERSION_TEXT = tlsErrorText(247, "WRONG_VERSION_NUMBER");

/** From what the library or the socket said when the handshake broke. */
export function handshakeFailureText(code: string, message: string): string {
  // The peer went away without a word: Envoy gives no reason then, and counts no error.
  if (code === "ECONNRESET" || code === "EPIPE") return "";
  const alert = /alert:? (\w+)/.exec(message)?.[1];
  const known = alert === undefined ? undefined : ALERTS[alert];
  if (known !== undefined) return tlsErrorText(1000 + known[0], known[1]);
  for (const [pattern, reason, name] of FINDINGS) {
    if (pattern.test(message) || pattern.test(code)) return tlsErrorText(reason, name);
  }
  return `TLS_error:|${code}:${message}:TLS_error_end`;
}
