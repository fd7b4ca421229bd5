/** TlsParameters: versions, and what the library's fixed lists of suites and curves mean for them. */

import type { BaseCompileContext } from "../base/mod.ts";
import type { envoy_extensions_transport_sockets_tls_v3_TlsParameters } from "../proto/mod.ts";

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** The TLS versions and cipher suites that one context allows. */
export interface TlsParams {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** OpenSSL names of TLS 1.2 suites a connection may use; undefined: all the library has. */
  readonly allowedCiphers: ReadonlySet<string> | undefined;
}

/** The TLS 1.2 suites that the library negotiates, as OpenSSL names them. */
export const LIBRARY_CIPHERS: readonly string[] = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

/** Suites that Envoy's library knows beyond those, aliases included. */
const KNOWN_CIPHERS: ReadonlySet<string> = new Set([
  ...LIBRARY_CIPHERS,
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-RSA-AES256-SHA",
  "ECDHE-RSA-AES128-SHA256",
  "ECDHE-PSK-AES128-CBC-SHA",
  "ECDHE-PSK-AES256-CBC-SHA",
  "ECDHE-PSK-CHACHA20-POLY1305",
  "PSK-AES128-CBC-SHA",
  "PSK-AES256-CBC-SHA",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA",
  "AES256-SHA",
  "DES-CBC3-SHA",
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ALL",
  "HIGH",
  "FIPS",
]);

/** As the Envoy 1.40 binary takes them; the names are OpenSSL's and BoringSSL's. */
const KNOWN_CURVES: ReadonlySet<string> = new Set([
  "MLKEM1024",
  "P-256",
  "P-384",
  "P-521",
  "X25519",
  "X25519MLKEM768",
  "prime256v1",
  "secp384r1",
  "secp521r1",
  "x25519",
]);

const KNOWN_SIGNATURES: ReadonlySet<string> = new Set([
  "rsa_pkcs1_sha1",
  "rsa_pkcs1_sha256",
  "rsa_pkcs1_sha384",
  "rsa_pkcs1_sha512",
  "rsa_pss_rsae_sha256",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
  "ecdsa_sha1",
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ecdsa_secp521r1_sha512",
  "ed25519",
]);

/** Numbers of TlsProtocol: 0 AUTO, 1 TLSv1.0 … 4 TLSv1.3. */
const AUTO = 0;
const TLS_1_2 = 3;
const TLS_1_3 = 4;

type Message = envoy_extensions_transport_sockets_tls_v3_TlsParameters;

/** `side` sets the defaults: Envoy's clients stop at TLS 1.2 unless told otherwise. */
export function compileTlsParams(
  message: Message | undefined,
  side: "server" | "client",
  context: BaseCompileContext,
): TlsParams {
  const auto = side === "server" ? TLS_1_3 : TLS_1_2;
  const given = message?.tlsMaximumProtocolVersion ?? AUTO;
  const max = given === AUTO ? auto : given;
  const min = message?.tlsMinimumProtocolVersion ?? AUTO;
  if (message === undefined) return params(min, max, undefined);
  const { problems } = context;
  if (min !== AUTO && min < TLS_1_2) {
    const effect = "TLS 1.2 is the least that is spoken";
    problems.unsupported(message, "tls_minimum_protocol_version", effect);
  }
  if (max < TLS_1_2) {
    const effect = "no version below TLS 1.2 is spoken, so no handshake could succeed";
    problems.unsupported(message, "tls_maximum_protocol_version", effect, true);
  }
  checkNames(message, context);
  return params(min, max, compileCiphers(message, context));
}

function params(min: number, max: number, allowed: TlsParams["allowedCiphers"]): TlsParams {
  return {
    minVersion: min >= TLS_1_3 ? "TLSv1.3" : "TLSv1.2",
    maxVersion: max >= TLS_1_3 ? "TLSv1.3" : "TLSv1.2",
    allowedCiphers: allowed,
  };
}

function checkNames(message: Message, context: BaseCompileContext): void {
  const { problems } = context;
  // Envoy joins the entries with colons, so that one entry may hold several names.
  const curves = message.ecdhCurves.flatMap((entry) => entry.split(":"));
  if (curves.some((name) => !KNOWN_CURVES.has(name))) {
    const text = `Failed to initialize ECDH curves ${curves.join(":")}`;
    problems.error(message, "ecdh_curves", text);
  } else if (curves.length > 0) {
    const effect = "the TLS library's own curves (X25519, P-256, P-384) are offered";
    problems.unsupported(message, "ecdh_curves", effect);
  }
  const signatures = message.signatureAlgorithms;
  if (signatures.some((name) => !KNOWN_SIGNATURES.has(name))) {
    const text = `Failed to initialize TLS signature algorithms ${signatures.join(":")}`;
    problems.error(message, "signature_algorithms", text);
  } else if (signatures.length > 0) {
    const effect = "the TLS library's own signature algorithms are offered";
    problems.unsupported(message, "signature_algorithms", effect);
  }
  if (message.compliancePolicies.length > 0) {
    const effect = "the policy is not enforced";
    problems.unsupported(message, "compliance_policies", effect, true);
  }
}

function compileCiphers(
  message: Message,
  context: BaseCompileContext,
): ReadonlySet<string> | undefined {
  // `[A|B]` is a group of equal preference; `-X`, `!X` take away.
  const names = message.cipherSuites.flatMap((text) => text.split(/[:|\[\]]+/))
    .filter((name) => name !== "");
  if (names.length === 0) return undefined;
  const unknown = names.filter((name) => !KNOWN_CIPHERS.has(name.replace(/^[-+!]/, "")));
  if (unknown.length > 0) {
    const text = `Failed to initialize cipher suites ${message.cipherSuites.join(":")}. ` +
      `The following ciphers were rejected when tried individually: ${unknown.join(", ")}`;
    context.problems.error(message, "cipher_suites", text);
    return undefined;
  }
  const isAll = names.some((name) => name === "ALL" || name === "HIGH");
  const allowed = new Set(isAll ? LIBRARY_CIPHERS : names.filter((name) => /^\w/.test(name)));
  for (const name of names) if (/^[-!]/.test(name)) allowed.delete(name.slice(1));
  const usable = LIBRARY_CIPHERS.filter((name) => allowed.has(name));
  if (usable.length === LIBRARY_CIPHERS.length) return undefined;
  if (usable.length === 0) {
    const effect = "none of these suites is in the TLS library, so no TLS 1.2 handshake succeeds";
    context.problems.unsupported(message, "cipher_suites", effect, true);
  } else {
    const effect = "connections on other suites are closed after the handshake, not before";
    context.problems.unsupported(message, "cipher_suites", effect);
  }
  return allowed;
}
