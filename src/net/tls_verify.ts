/**
 * CertificateValidationContext: our own checks of the peer's certificate after the handshake. The
 * library says whether the chain leads to a trusted CA; dates (where expired ones are allowed),
 * SANs, pins and revocation are checked here.
 */

import { Buffer } from "node:buffer";
import { type BaseCompileContext, nodeCrypto } from "../base/mod.ts";
import { compileStringMatcher, type StringMatcher } from "../matching/mod.ts";
import type {
  envoy_extensions_transport_sockets_tls_v3_CertificateValidationContext,
  envoy_extensions_transport_sockets_tls_v3_SubjectAltNameMatcher,
} from "../proto/mod.ts";
import { Certificate, parseCertificates, type SubjectAltName } from "./certificate.ts";
import { parseRevocations, type Revocations } from "./crl.ts";
import { dataSourceName, readDataSourceText } from "./data_source.ts";
import { verifyFailedText } from "./tls_failure.ts";
import type { TlsStats } from "./tls_stats.ts";

type Message = envoy_extensions_transport_sockets_tls_v3_CertificateValidationContext;

/** Leaves that a chain's full handshakes let in, at most; beyond, the oldest must shake hands in full. */
const MAX_VERIFIED_LEAVES = 10_000;
/** Certificates of a chain that are looked at. */
const MAX_DEPTH = 100;

/** Whether a peer's certificate will do, and whether it was validated at all. */
export type Verdict =
  | { readonly ok: true; readonly isValidated: boolean }
  | { readonly ok: false; readonly reason: string };

/** What a handshake showed. */
export interface PeerFacts {
  readonly chain: readonly Certificate[];
  readonly isResumed: boolean;
  /** The library's verdict on the chain, "" if it passed. */
  readonly verifyError: string;
  /** Upstream: a name the certificate must carry besides all else; "" for none. */
  readonly serverName: string;
}

interface SanMatcher {
  readonly type: SubjectAltName["type"] | undefined;
  readonly oid: string;
  readonly matcher: StringMatcher;
  /** DNS names match as a browser matches them where an exact text is asked for. */
  readonly exactDns: string | undefined;
}

const SAN_TYPES: readonly (SubjectAltName["type"] | undefined)[] = [
  undefined,
  "email",
  "dns",
  "uri",
  "ip",
  "other",
];

/** Compiled checks of one context; one per filter chain or cluster, since it remembers leaves. */
export class PeerVerifier {
  /** PEM of the trusted CAs; undefined: chains are not verified. */
  readonly caPem: string | undefined;
  readonly #roots: readonly Certificate[];
  readonly #sans: readonly SanMatcher[];
  readonly #hashes: ReadonlySet<string>;
  readonly #spkis: ReadonlySet<string>;
  readonly #revocations: Revocations | undefined;
  readonly #allowExpired: boolean;
  readonly #acceptUntrusted: boolean;
  readonly #maxDepth: number;
  readonly #stats: TlsStats;
  readonly #verified = new Set<string>();

  constructor(message: Message, context: BaseCompileContext, stats: TlsStats) {
    reportUnsupported(message, context);
    const { pem, roots } = readTrust(message, context);
    this.caPem = pem;
    this.#roots = roots;
    this.#sans = compileSans(message, context);
    this.#hashes = new Set(
      message.verifyCertificateHash.map((hash) => hash.replaceAll(":", "").toLowerCase()),
    );
    this.#spkis = new Set(message.verifyCertificateSpki);
    this.#revocations = readCrl(message, context);
    this.#allowExpired = message.allowExpiredCertificate;
    this.#acceptUntrusted = message.trustChainVerification === 1;
    this.#maxDepth = message.maxVerifyDepth ?? MAX_DEPTH;
    this.#stats = stats;
    if (this.#sans.length > 0 && pem === undefined && message.trustedCa === undefined) {
      const text = "SAN-based verification of peer certificates without trusted CA is insecure " +
        "and not allowed";
      context.problems.error(message, "match_typed_subject_alt_names", text);
    }
  }

  /** Whether a certificate of the peer is looked at, so that a server should ask for one. */
  get wantsCertificate(): boolean {
    return this.caPem !== undefined || this.#hashes.size > 0 || this.#spkis.size > 0 ||
      this.#sans.length > 0;
  }

  /** Judges a peer that showed a certificate. */
  verify(facts: PeerFacts): Verdict {
    const leaf = facts.chain[0]!;
    const hash = leaf.sha256Hex;
    // Tickets of another chain of this worker open here, too: only a leaf that a full handshake on
    // this very chain let in may resume (CVE-2022-21654).
    if (facts.isResumed && !this.#verified.has(hash)) {
      return this.#refuse("fail_verify_error", "a resumed session of another filter chain");
    }
    const chainError = this.#chainError(facts);
    if (chainError !== "" && !this.#acceptUntrusted) {
      return this.#refuse("fail_verify_error", chainError);
    }
    if (!this.#sansMatch(leaf)) {
      const sans = leaf.subjectAltNames.map((name) => name.value).join(", ");
      return this.#refuse("fail_verify_san", `SAN matcher, certificate SANs are [${sans}]`);
    }
    if (facts.serverName !== "" && !hasServerName(leaf, facts.serverName)) {
      return this.#refuse("fail_verify_san", "SAN list");
    }
    if (!this.#pinsMatch(leaf)) {
      return this.#refuse("fail_verify_cert_hash", "cert hash and spki");
    }
    this.#remember(hash);
    return { ok: true, isValidated: this.caPem !== undefined && chainError === "" };
  }

  #refuse(stat: "fail_verify_error" | "fail_verify_san" | "fail_verify_cert_hash", why: string): {
    readonly ok: false;
    readonly reason: string;
  } {
    this.#stats.inc(stat);
    return { ok: false, reason: verifyFailedText(why) };
  }

  #remember(hash: string): void {
    const verified = this.#verified;
    verified.delete(hash);
    verified.add(hash);
    if (verified.size <= MAX_VERIFIED_LEAVES) return;
    for (const oldest of verified) {
      verified.delete(oldest);
      return;
    }
  }

  /** "" if the chain is trusted or nobody asked. */
  #chainError(facts: PeerFacts): string {
    if (this.caPem === undefined) return "";
    const leaf = facts.chain[0]!;
    const now = Date.now();
    const hasDates = this.#allowExpired || (leaf.notBeforeMs <= now && now <= leaf.notAfterMs);
    if (!hasDates) {
      return verifyText(
        0,
        now > leaf.notAfterMs ? "certificate has expired" : "certificate is not yet valid",
      );
    }
    // The library gives one answer for expired and for unknown, so that ours must be asked for those.
    if (facts.verifyError !== "" || facts.chain.length - 1 > this.#maxDepth) {
      const error = this.#ownChainError(facts.chain);
      if (error !== "") return error;
    }
    return this.#isRevoked(facts.chain) ? verifyText(0, "certificate revoked") : "";
  }

  /** Walks from the leaf to a trusted CA by issuer, signature and dates. */
  #ownChainError(chain: readonly Certificate[]): string {
    let at = chain[0]!;
    const others = chain.slice(1);
    for (let depth = 0; depth <= this.#maxDepth; depth++) {
      if (!this.#allowExpired && Date.now() > at.notAfterMs) {
        return verifyText(depth, "certificate has expired");
      }
      if (this.#roots.some((root) => root.sha256Hex === at.sha256Hex || isIssuedBy(at, root))) {
        return "";
      }
      const next = others.findIndex((issuer) => isIssuedBy(at, issuer));
      if (next < 0) {
        const isSelfSigned = at.issuerHex === at.subjectHex;
        const what = depth === 0 ? "self-signed certificate" : "self-signed certificate in chain";
        return verifyText(depth, isSelfSigned ? what : "unable to get local issuer certificate");
      }
      at = others.splice(next, 1)[0]!;
    }
    return verifyText(this.#maxDepth, "certificate chain too long");
  }

  #isRevoked(chain: readonly Certificate[]): boolean {
    const revocations = this.#revocations;
    if (revocations === undefined) return false;
    const count = revocations.onlyLeaf ? 1 : chain.length;
    for (let i = 0; i < count; i++) {
      const { issuerHex, serial } = chain[i]!;
      if (revocations.serials.get(issuerHex)?.has(serial)) return true;
    }
    return false;
  }

  #pinsMatch(leaf: Certificate): boolean {
    if (this.#hashes.size === 0 && this.#spkis.size === 0) return true;
    if (this.#hashes.has(leaf.sha256Hex)) return true;
    return this.#spkis.has(nodeCrypto().createHash("sha256").update(leaf.spki).digest("base64"));
  }

  #sansMatch(leaf: Certificate): boolean {
    if (this.#sans.length === 0) return true;
    for (const san of leaf.subjectAltNames) {
      for (const matcher of this.#sans) if (sanMatches(matcher, san)) return true;
    }
    return false;
  }
}

function verifyText(depth: number, what: string): string {
  return `X509_verify_cert: certificate verification error at depth ${depth}: ${what}`;
}

function isIssuedBy(subject: Certificate, issuer: Certificate): boolean {
  if (subject.issuerHex !== issuer.subjectHex || !issuer.isAuthority) return false;
  try {
    const { X509Certificate } = nodeCrypto();
    const key = new X509Certificate(Buffer.from(issuer.der)).publicKey;
    return new X509Certificate(Buffer.from(subject.der)).verify(key);
  } catch {
    return false;
  }
}

function sanMatches(matcher: SanMatcher, san: SubjectAltName): boolean {
  if (matcher.type !== undefined && matcher.type !== san.type) return false;
  if (matcher.type === "other" && matcher.oid !== san.oid) return false;
  if (matcher.exactDns !== undefined && san.type === "dns") {
    return dnsNameMatches(matcher.exactDns, san.value);
  }
  return matcher.matcher.matches(san.value);
}

/** RFC 6125 §6.4: letter case aside, and `*` for the whole of the first label. */
export function dnsNameMatches(name: string, pattern: string): boolean {
  const wanted = name.toLowerCase();
  const has = pattern.toLowerCase();
  if (wanted === has) return true;
  const dot = wanted.indexOf(".");
  return has.startsWith("*.") && has.lastIndexOf(".") > 1 && dot > 0 &&
    wanted.slice(dot) === has.slice(1);
}

/** Whether the certificate is for a host: an IP by its IP SANs, a name by its DNS SANs. */
function hasServerName(leaf: Certificate, serverName: string): boolean {
  for (const san of leaf.subjectAltNames) {
    if (san.type === "dns" && dnsNameMatches(serverName, san.value)) return true;
    if (san.type === "ip" && san.value === serverName) return true;
  }
  return false;
}

function readTrust(
  message: Message,
  context: BaseCompileContext,
): { pem: string | undefined; roots: readonly Certificate[] } {
  const { problems } = context;
  if (message.trustedCa === undefined) {
    if (message.systemRootCerts === undefined) return { pem: undefined, roots: [] };
    const effect = "name the file of the system's certificates as trusted_ca";
    problems.unsupported(message, "system_root_certs", effect, true);
    return { pem: undefined, roots: [] };
  }
  const pem = readDataSourceText(message.trustedCa, context);
  const roots = parseCertificates(pem);
  if (roots !== undefined) return { pem, roots };
  const text = `Failed to load trusted CA certificates from ${dataSourceName(message.trustedCa)}`;
  problems.error(message, "trusted_ca", text);
  return { pem: undefined, roots: [] };
}

function compileSans(message: Message, context: BaseCompileContext): SanMatcher[] {
  const typed = message.matchTypedSubjectAltNames.map((matcher) => compileSan(matcher, context));
  const untyped = message.matchSubjectAltNames.map((matcher): SanMatcher => ({
    type: undefined,
    oid: "",
    matcher: compileStringMatcher(matcher, context),
    exactDns: matcher.matchPattern.case === "exact" ? matcher.matchPattern.value : undefined,
  }));
  return [...typed, ...untyped];
}

function compileSan(
  message: envoy_extensions_transport_sockets_tls_v3_SubjectAltNameMatcher,
  context: BaseCompileContext,
): SanMatcher {
  const text = message.matcher;
  const type = SAN_TYPES[message.sanType];
  const exact = text?.matchPattern.case === "exact" ? text.matchPattern.value : undefined;
  return {
    type,
    oid: message.oid,
    matcher: text === undefined ? NEVER : compileStringMatcher(text, context),
    exactDns: type === "dns" ? exact : undefined,
  };
}

const NEVER: StringMatcher = { matches: () => false };

function readCrl(message: Message, context: BaseCompileContext): Revocations | undefined {
  if (message.crl === undefined) return undefined;
  const text = readDataSourceText(message.crl, context);
  const serials = parseRevocations(text);
  if (serials === undefined) {
    // Envoy takes such a list and revokes nothing; a broken list is no list to trust.
    const effect = `no revocation list can be read from ${dataSourceName(message.crl)}`;
    context.problems.unsupported(message, "crl", effect, true);
    return undefined;
  }
  return { serials, onlyLeaf: message.onlyVerifyLeafCertCrl };
}

function reportUnsupported(message: Message, context: BaseCompileContext): void {
  const { problems } = context;
  if (message.customValidatorConfig !== undefined) {
    const effect = "certificates are judged by the fields beside it only";
    problems.unsupported(message, "custom_validator_config", effect, true);
  }
  if (message.caCertificateProviderInstance !== undefined) {
    const effect = "certificate providers are not known, name the file as trusted_ca";
    problems.unsupported(message, "ca_certificate_provider_instance", effect, true);
  }
  if (message.requireSignedCertificateTimestamp === true) {
    const effect = "timestamps are not checked";
    problems.unsupported(message, "require_signed_certificate_timestamp", effect, true);
  }
  if (message.suppressClientCaList) {
    const effect = "clients are told the names of the trusted CAs";
    problems.unsupported(message, "suppress_client_ca_list", effect);
  }
}
