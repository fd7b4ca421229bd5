/** UpstreamTlsContext: a cluster's side of TLS handshakes. */

import type { BaseCompileContext } from "../base/mod.ts";
import type { TlsInfo } from "../http/mod.ts";
import type { envoy_extensions_transport_sockets_tls_v3_UpstreamTlsContext } from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { Scope } from "../stats/mod.ts";
import { Certificate } from "./certificate.ts";
import type { TlsSession } from "./socket_connection.ts";
import { CommonTls, EMPTY_COMMON } from "./tls_common.ts";
import { handshakeFailureText, tlsErrorText } from "./tls_failure.ts";
import type { TlsIdentity } from "./tls_identity.ts";
import { ConnectionTlsInfo } from "./tls_info.ts";
import { TlsStats } from "./tls_stats.ts";
import { dnsNameMatches, type PeerVerifier } from "./tls_verify.ts";
import type { TlsFacts, TlsStart } from "./transport.ts";

type Message = envoy_extensions_transport_sockets_tls_v3_UpstreamTlsContext;

/** What one request asks of its connection's handshake. */
export interface ClientTlsChoice {
  /** SNI in place of the configured one; undefined: as configured. */
  readonly serverName: string | undefined;
  /** Whether the certificate must also carry `serverName`. */
  readonly verifiesServerName: boolean;
  /** ALPN to offer where the context names none. */
  readonly alpn: readonly string[];
}

/** Compiles the context of one cluster; stats go to `cluster.<name>.ssl`. */
export function compileClientTls(
  message: object,
  context: CompileContext,
  cluster: string,
): ClientTlsContext {
  const scope = context.scope.scope("cluster").scope(cluster);
  return new ClientTlsContext(message as Message, context, scope);
}

/** The compiled context: SNI, ALPN, own certificate and the checks of the server's certificate. */
export class ClientTlsContext {
  readonly stats: TlsStats;
  readonly #common: CommonTls;
  readonly #sni: string;
  readonly #autoHostSni: boolean;
  readonly #autoSniSan: boolean;
  readonly #allowResumption: boolean;
  readonly #notReady: { inc(): void };

  constructor(message: Message, context: BaseCompileContext, scope: Scope) {
    const factory = scope.scope("client_ssl_socket_factory");
    const updates = factory.counter("ssl_context_update_by_sds");
    this.#notReady = factory.counter("upstream_context_secrets_not_ready");
    this.stats = new TlsStats(scope);
    this.#sni = message.sni;
    this.#autoHostSni = message.autoHostSni;
    this.#autoSniSan = message.autoSniSanValidation;
    this.#allowResumption = message.maxSessionKeys !== 0;
    const { problems } = context;
    if (message.allowRenegotiation) {
      problems.unsupported(message, "allow_renegotiation", "renegotiation is refused");
    }
    const common = message.commonTlsContext ?? EMPTY_COMMON;
    if (common.tlsCertificates.length + common.tlsCertificateSdsSecretConfigs.length > 1) {
      const text = "Multiple TLS certificates are not supported for client contexts";
      problems.error(common, "tls_certificates", text);
    }
    this.#common = new CommonTls(common, { side: "client", context, stats: this.stats });
    this.#common.onChange = () => updates.inc();
  }

  /** @param hostname the endpoint's, for auto_host_sni */
  session(choice: ClientTlsChoice, hostname: string): TlsSession {
    const common = this.#common;
    if (!common.isReady) this.#notReady.inc();
    const serverName = choice.serverName ??
      (this.#autoHostSni && hostname !== "" ? hostname : this.#sni);
    const verifiesName = choice.verifiesServerName || this.#autoSniSan;
    return new ClientSession({
      isReady: common.isReady,
      serverName,
      nameToVerify: verifiesName ? serverName : "",
      identity: common.identities[0],
      verifier: common.verifier,
      common,
      alpnProtocols: common.alpnProtocols.length > 0 ? common.alpnProtocols : choice.alpn,
      allowResumption: this.#allowResumption,
      stats: this.stats,
    });
  }
}

interface ClientSessionParts {
  readonly isReady: boolean;
  readonly serverName: string;
  readonly nameToVerify: string;
  readonly identity: TlsIdentity | undefined;
  readonly verifier: PeerVerifier | undefined;
  readonly common: CommonTls;
  readonly alpnProtocols: readonly string[];
  readonly allowResumption: boolean;
  readonly stats: TlsStats;
}

class ClientSession implements TlsSession {
  readonly start: TlsStart;
  readonly #parts: ClientSessionParts;
  #isValidated = false;

  constructor(parts: ClientSessionParts) {
    const { common, identity, verifier } = parts;
    this.#parts = parts;
    this.start = {
      isServer: false,
      material: {
        cert: identity?.certPem,
        key: identity?.keyPem,
        ca: verifier?.caPem,
        requestCert: true,
        rejectUnauthorized: false,
        minVersion: common.params.minVersion,
        maxVersion: common.params.maxVersion,
      },
      alpnProtocols: parts.alpnProtocols,
      serverName: parts.serverName,
      // Tickets are kept by server name for the whole worker: a checked peer shakes hands in full.
      allowResumption: parts.allowResumption && verifier === undefined,
    };
  }

  get refusal(): string {
    return this.#parts.isReady ? "" : "TLS_error:|Secret is not supplied by SDS:TLS_error_end";
  }

  verify(facts: TlsFacts): string {
    const { common, stats, verifier, nameToVerify } = this.#parts;
    const allowed = common.params.allowedCiphers;
    if (allowed !== undefined && facts.version === "TLSv1.2" && !allowed.has(facts.cipher)) {
      stats.inc("connection_error");
      return tlsErrorText(184, "NO_SHARED_CIPHER");
    }
    // A certificate that is not to be checked is not even parsed.
    if (verifier !== undefined || nameToVerify !== "") {
      const refused = this.#verifyPeer(facts);
      if (refused !== "") return refused;
    }
    stats.handshake(facts.version, facts.cipher, facts.isResumed);
    return "";
  }

  #verifyPeer(facts: TlsFacts): string {
    const { stats, verifier, nameToVerify } = this.#parts;
    const chain: Certificate[] = [];
    for (const der of facts.peerChain) {
      const certificate = Certificate.parse(der);
      if (certificate !== undefined) chain.push(certificate);
    }
    const leaf = chain[0];
    if (leaf === undefined || chain.length < facts.peerChain.length) {
      stats.inc("fail_verify_error");
      return tlsErrorText(125, "CERTIFICATE_VERIFY_FAILED");
    }
    if (verifier === undefined) {
      if (leaf.dnsSans.some((name) => dnsNameMatches(nameToVerify, name))) return "";
      stats.inc("fail_verify_san");
      return tlsErrorText(125, "CERTIFICATE_VERIFY_FAILED", "verify cert failed: SAN list");
    }
    const { verifyError } = facts;
    const verdict = verifier.verify({
      chain,
      isResumed: false,
      verifyError,
      serverName: nameToVerify,
    });
    if (!verdict.ok) return verdict.reason;
    this.#isValidated = verdict.isValidated;
    return "";
  }

  info(facts: TlsFacts): TlsInfo {
    const { identity, serverName } = this.#parts;
    return new ConnectionTlsInfo({
      facts,
      sni: serverName,
      local: identity?.leaf,
      isPeerValidated: this.#isValidated,
    });
  }

  failure(code: string, message: string): string {
    const text = handshakeFailureText(code, message);
    if (text !== "") this.#parts.stats.inc("connection_error");
    return text;
  }
}
