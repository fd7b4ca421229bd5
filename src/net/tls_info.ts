/** TlsInfo of one connection: what the handshake said, certificates parsed already or on demand. */

import type { CertificateInfo, TlsInfo } from "../http/mod.ts";
import { Certificate } from "./certificate.ts";
import type { TlsFacts } from "./transport.ts";

export interface TlsInfoParts {
  readonly facts: TlsFacts;
  readonly sni: string;
  readonly local: CertificateInfo | undefined;
  readonly isPeerValidated: boolean;
}

/**
 * What formatters, matchers and headers may ask of a TLS connection; peer certificates are parsed
 * on demand.
 */
export class ConnectionTlsInfo implements TlsInfo {
  readonly sni: string | undefined;
  readonly alpn: string | undefined;
  readonly version: string | undefined;
  readonly cipher: string | undefined;
  readonly sessionId: string | undefined = undefined;
  readonly peerCertificateValidated: boolean;
  readonly local: CertificateInfo | undefined;
  readonly #chain: readonly Uint8Array[];
  #peer: Certificate | undefined;

  constructor(parts: TlsInfoParts) {
    const { facts } = parts;
    this.sni = parts.sni === "" ? undefined : parts.sni;
    this.alpn = facts.alpn === "" ? undefined : facts.alpn;
    this.version = facts.version === "" ? undefined : facts.version;
    this.cipher = facts.cipher === "" ? undefined : facts.cipher;
    this.peerCertificateValidated = parts.isPeerValidated;
    this.local = parts.local;
    this.#chain = facts.peerChain;
  }

  get peerCertificatePresented(): boolean {
    return this.#chain.length > 0;
  }

  get peer(): CertificateInfo | undefined {
    const der = this.#chain[0];
    if (der === undefined) return undefined;
    return this.#peer ??= Certificate.parse(der);
  }

  peerChainPem(): string | undefined {
    if (this.#chain.length === 0) return undefined;
    let text = "";
    for (const der of this.#chain) text += Certificate.parse(der)?.pem ?? "";
    return text;
  }
}
