/** DownstreamTlsContext: one filter chain's side of TLS handshakes. */

import type { CertificateInfo, TlsInfo } from "../http/mod.ts";
import type { BaseCompileContext } from "../base/mod.ts";
import type { envoy_extensions_transport_sockets_tls_v3_DownstreamTlsContext } from "../proto/mod.ts";
import type { Scope } from "../stats/mod.ts";
import { Certificate } from "./certificate.ts";
import type { ClientHello } from "./client_hello.ts";
import type { ServerTls, TlsSession } from "./socket_connection.ts";
import { CommonTls, EMPTY_COMMON } from "./tls_common.ts";
import { handshakeFailureText, tlsErrorText, WRONG_VERSION_TEXT } from "./tls_failure.ts";
import { IdentityIndex, type TlsIdentity } from "./tls_identity.ts";
import { ConnectionTlsInfo } from "./tls_info.ts";
import type { TlsParams } from "./tls_params.ts";
import { TlsStats } from "./tls_stats.ts";
import type { PeerVerifier } from "./tls_verify.ts";
import type { TlsFacts, TlsStart } from "./transport.ts";

type Message = envoy_extensions_transport_sockets_tls_v3_DownstreamTlsContext;

/** signature_algorithms of ECDSA over P-256, P-384 and P-521. */
const ECDSA_SCHEMES: readonly number[] = [0x0403, 0x0503, 0x0603];

/**
 * Compiles a context; `scope` is the listener's (`listener.0.0.0.0_443`). Problems are reported; the
 * result then refuses every handshake.
 */
export function compileServerTls(
  message: Message,
  context: BaseCompileContext,
  scope: Scope,
): ServerTlsContext {
  return new ServerTlsContext(message, context, scope);
}

/**
 * The compiled context: which certificate a client hello gets, and what its own certificate must
 * be.
 */
export class ServerTlsContext implements ServerTls {
  readonly stats: TlsStats;
  readonly #common: CommonTls;
  readonly #requiresCertificate: boolean;
  readonly #allowResumption: boolean;
  readonly #fullScan: boolean;
  readonly #notReady: { inc(): void };
  #index: IdentityIndex | undefined;

  constructor(message: Message, context: BaseCompileContext, scope: Scope) {
    const factory = scope.scope("server_ssl_socket_factory");
    const updates = factory.counter("ssl_context_update_by_sds");
    this.#notReady = factory.counter("downstream_context_secrets_not_ready");
    this.stats = new TlsStats(scope);
    this.#requiresCertificate = message.requireClientCertificate === true;
    this.#fullScan = message.fullScanCertsOnSniMismatch === true;
    const sessions = message.sessionTicketKeysType;
    this.#allowResumption =
      !(sessions.case === "disableStatelessSessionResumption" && sessions.value);
    reportUnsupported(message, context);
    const { commonTlsContext } = message;
    this.#common = new CommonTls(commonTlsContext ?? EMPTY_COMMON, {
      side: "server",
      context,
      stats: this.stats,
    });
    if (!this.#common.hasCertificates && !hasProvider(message)) {
      context.problems.error(
        commonTlsContext ?? message,
        commonTlsContext === undefined ? "common_tls_context" : "tls_certificates",
        "No TLS certificates found for server context",
      );
    }
    this.#reindex();
    this.#common.onChange = () => {
      updates.inc();
      this.#reindex();
    };
  }

  get alpnProtocols(): readonly string[] {
    return this.#common.alpnProtocols;
  }

  session(hello: ClientHello): TlsSession | string {
    const index = this.#index;
    if (index === undefined || !this.#common.isReady) {
      this.#notReady.inc();
      return "TLS_error:|Secret is not supplied by SDS:TLS_error_end";
    }
    const { params, verifier } = this.#common;
    return new ServerSession({
      serverName: hello.serverName,
      identity: index.choose(hello.serverName, index.isSingle || takesEcdsa(hello)),
      params,
      verifier,
      requiresCertificate: this.#requiresCertificate,
      allowResumption: this.#allowResumption,
      alpnProtocols: this.#commonAlpn(hello),
      stats: this.stats,
    });
  }

  rejectHello(): string {
    this.stats.inc("connection_error");
    return WRONG_VERSION_TEXT;
  }

  /**
   * What both sides know, in our order of preference: Envoy goes on without ALPN where there is
   * nothing in common, the library would send an alert.
   */
  #commonAlpn(hello: ClientHello): readonly string[] {
    const ours = this.#common.alpnProtocols;
    if (ours.length === 0 || hello.alpnProtocols.length === 0) return NONE;
    const first = ours.find((protocol) => hello.alpnProtocols.includes(protocol));
    return first === undefined ? NONE : [first];
  }

  #reindex(): void {
    const { identities } = this.#common;
    this.#index = identities.length === 0
      ? undefined
      : new IdentityIndex(identities, this.#fullScan);
  }
}

const NONE: readonly string[] = [];

interface ServerSessionParts {
  readonly serverName: string;
  readonly identity: TlsIdentity;
  readonly params: TlsParams;
  readonly verifier: PeerVerifier | undefined;
  readonly requiresCertificate: boolean;
  readonly allowResumption: boolean;
  readonly alpnProtocols: readonly string[];
  readonly stats: TlsStats;
}

class ServerSession implements TlsSession {
  readonly start: TlsStart;
  readonly #parts: ServerSessionParts;
  #isValidated = false;

  constructor(parts: ServerSessionParts) {
    const { identity, params, verifier } = parts;
    this.#parts = parts;
    const asks = parts.requiresCertificate || verifier?.wantsCertificate === true;
    this.start = {
      isServer: true,
      material: {
        cert: identity.certPem,
        key: identity.keyPem,
        // Without a CA the library would load all of the system's; the verdict is not asked for.
        ca: asks ? verifier?.caPem ?? identity.certPem : undefined,
        requestCert: asks,
        rejectUnauthorized: parts.requiresCertificate,
        minVersion: params.minVersion,
        maxVersion: params.maxVersion,
      },
      alpnProtocols: parts.alpnProtocols,
      serverName: "",
      allowResumption: parts.allowResumption,
    };
  }

  verify(facts: TlsFacts): string {
    const { params, stats, verifier, requiresCertificate } = this.#parts;
    const allowed = params.allowedCiphers;
    if (allowed !== undefined && facts.version === "TLSv1.2" && !allowed.has(facts.cipher)) {
      stats.inc("connection_error");
      return tlsErrorText(184, "NO_SHARED_CIPHER");
    }
    if (facts.peerChain.length === 0) {
      if (requiresCertificate) {
        stats.inc("fail_verify_no_cert");
        return tlsErrorText(192, "PEER_DID_NOT_RETURN_A_CERTIFICATE");
      }
      stats.inc("no_certificate");
    } else if (verifier !== undefined) {
      const refused = this.#verifyPeer(facts, verifier);
      if (refused !== "") return refused;
    }
    stats.handshake(facts.version, facts.cipher, facts.isResumed);
    return "";
  }

  #verifyPeer(facts: TlsFacts, verifier: PeerVerifier): string {
    const chain: Certificate[] = [];
    for (const der of facts.peerChain) {
      const certificate = Certificate.parse(der);
      if (certificate === undefined) {
        this.#parts.stats.inc("fail_verify_error");
        return tlsErrorText(125, "CERTIFICATE_VERIFY_FAILED");
      }
      chain.push(certificate);
    }
    const { isResumed, verifyError } = facts;
    const verdict = verifier.verify({ chain, isResumed, verifyError, serverName: "" });
    if (!verdict.ok) return verdict.reason;
    this.#isValidated = verdict.isValidated;
    return "";
  }

  info(facts: TlsFacts): TlsInfo {
    const { serverName, identity } = this.#parts;
    const local: CertificateInfo = identity.leaf;
    return new ConnectionTlsInfo({
      facts,
      sni: serverName,
      local,
      isPeerValidated: this.#isValidated,
    });
  }

  failure(code: string, message: string): string {
    const { stats } = this.#parts;
    const text = handshakeFailureText(code, message);
    if (text.includes("PEER_DID_NOT_RETURN_A_CERTIFICATE")) stats.inc("fail_verify_no_cert");
    else if (text !== "") stats.inc("connection_error");
    return text;
  }
}

function takesEcdsa(hello: ClientHello): boolean {
  return hello.signatureAlgorithms.some((scheme) => ECDSA_SCHEMES.includes(scheme));
}

function hasProvider(message: Message): boolean {
  const common = message.commonTlsContext;
  return common?.tlsCertificateProviderInstance !== undefined ||
    common?.tlsCertificateCertificateProvider !== undefined ||
    common?.tlsCertificateCertificateProviderInstance !== undefined ||
    common?.customTlsCertificateSelector !== undefined;
}

function reportUnsupported(message: Message, context: BaseCompileContext): void {
  const { problems } = context;
  const keys = message.sessionTicketKeysType.case;
  if (keys === "sessionTicketKeys" || keys === "sessionTicketKeysSdsSecretConfig") {
    const field = keys === "sessionTicketKeys"
      ? "session_ticket_keys"
      : "session_ticket_keys_sds_secret_config";
    const effect = "each worker has keys of its own, so that a session resumes on its worker only";
    problems.unsupported(message, field, effect);
  }
  if (message.sessionTimeout !== undefined) {
    problems.unsupported(message, "session_timeout", "the TLS library's own lifetime applies");
  }
  // LENIENT_STAPLING staples what it has, and there is nothing.
  if (message.ocspStaplePolicy !== 0) {
    const effect = "OCSP responses cannot be stapled";
    problems.unsupported(message, "ocsp_staple_policy", effect, true);
  }
}
