/** Our own certificates: TlsCertificate messages loaded, checked and indexed by name. */

import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { type BaseCompileContext, nodeCrypto, nodeTls } from "../base/mod.ts";
import type { envoy_extensions_transport_sockets_tls_v3_TlsCertificate } from "../proto/mod.ts";
import { type Certificate, parseCertificates } from "./certificate.ts";
import { dataSourceName, readDataSource, readDataSourceText } from "./data_source.ts";

type Message = envoy_extensions_transport_sockets_tls_v3_TlsCertificate;

/** One certificate with its chain and key. */
export interface TlsIdentity {
  readonly certPem: string;
  /** Unencrypted PKCS #8. */
  readonly keyPem: string;
  readonly leaf: Certificate;
  readonly keyType: "rsa" | "ecdsa" | "ed25519";
}

interface Pair {
  readonly certPem: string;
  readonly keyPem: string;
  readonly password: string;
}

/** Loads one; undefined if there were errors, which name the file. */
export function compileTlsIdentity(
  message: Message,
  context: BaseCompileContext,
): TlsIdentity | undefined {
  reportUnsupported(message, context);
  const pair = message.pkcs12 === undefined
    ? readPair(message, context)
    : readPkcs12(message, context);
  return pair === undefined ? undefined : makeIdentity(message, pair, context);
}

function readPair(message: Message, context: BaseCompileContext): Pair | undefined {
  const { problems } = context;
  const certPem = readDataSourceText(message.certificateChain, context);
  if (certPem === "") {
    const file = fileName(message.certificateChain);
    const text = `Failed to load incomplete certificate from ${file}: certificate chain not set`;
    problems.error(message, "certificate_chain", text);
    return undefined;
  }
  const keyPem = readDataSourceText(message.privateKey, context);
  if (keyPem === "") {
    if (message.privateKeyProvider !== undefined) return undefined;
    const file = fileName(message.privateKey);
    const text = `Failed to load incomplete private key from path: ${file}`;
    problems.error(message, "private_key", text);
    return undefined;
  }
  return { certPem, keyPem, password: readDataSourceText(message.password, context) };
}

function readPkcs12(message: Message, context: BaseCompileContext): Pair | undefined {
  const { problems } = context;
  for (
    const [field, name] of [
      ["certificateChain", "certificate_chain"],
      ["privateKey", "private_key"],
      ["privateKeyProvider", "private_key_provider"],
    ] as const
  ) {
    if (message[field] === undefined) continue;
    problems.error(message, name, `Certificate configuration can't have both pkcs12 and ${name}`);
    return undefined;
  }
  try {
    const { context: opened } = nodeTls().createSecureContext({
      pfx: Buffer.from(readDataSource(message.pkcs12, context)),
      passphrase: readDataSourceText(message.password, context),
    }) as unknown as { context: { cert: string; key: string; ca?: string | string[] } };
    const chain = [opened.cert, ...[opened.ca ?? []].flat()].map(String);
    return { certPem: chain.join("\n"), keyPem: opened.key, password: "" };
  } catch {
    const text = `Failed to load pkcs12 from ${dataSourceName(message.pkcs12)}`;
    problems.error(message, "pkcs12", text);
    return undefined;
  }
}

function makeIdentity(
  message: Message,
  pair: Pair,
  context: BaseCompileContext,
): TlsIdentity | undefined {
  const { problems } = context;
  const leaf = parseCertificates(pair.certPem)?.[0];
  if (leaf === undefined) {
    const text = `Failed to load certificate chain from ${
      dataSourceName(message.certificateChain)
    }`;
    problems.error(message, "certificate_chain", text);
    return undefined;
  }
  const keyFailure = (cause: string): undefined => {
    const text = `Failed to load private key from ${
      dataSourceName(message.privateKey)
    }, Cause: ${cause}`;
    problems.error(message, "private_key", text);
    return undefined;
  };
  const key = openKey(pair);
  if (key === undefined) {
    return keyFailure(pair.keyPem.includes("ENCRYPTED") ? "BAD_DECRYPT" : "NO_START_LINE");
  }
  if (!new (nodeCrypto().X509Certificate)(Buffer.from(leaf.der)).checkPrivateKey(key)) {
    return keyFailure("KEY_VALUES_MISMATCH");
  }
  if (leaf.mustStaple) {
    const effect = "OCSP responses cannot be stapled, and this certificate demands it";
    problems.unsupported(message, "certificate_chain", effect, true);
  }
  const keyPem = key.export({ type: "pkcs8", format: "pem" }) as string;
  return { certPem: pair.certPem, keyPem, leaf, keyType: keyTypeOf(key) };
}

function openKey(pair: Pair): KeyObject | undefined {
  try {
    return nodeCrypto().createPrivateKey(
      pair.password === "" ? { key: pair.keyPem } : { key: pair.keyPem, passphrase: pair.password },
    );
  } catch {
    return undefined;
  }
}

function keyTypeOf(key: KeyObject): TlsIdentity["keyType"] {
  if (key.asymmetricKeyType === "ec") return "ecdsa";
  return key.asymmetricKeyType === "ed25519" ? "ed25519" : "rsa";
}

function fileName(source: Message["privateKey"]): string {
  return source?.specifier.case === "filename" ? source.specifier.value : "";
}

function reportUnsupported(message: Message, context: BaseCompileContext): void {
  const { problems } = context;
  if (message.privateKeyProvider !== undefined) {
    const effect = "private keys can only be read from private_key or pkcs12";
    problems.unsupported(message, "private_key_provider", effect, true);
  }
  if (message.ocspStaple !== undefined) {
    problems.unsupported(message, "ocsp_staple", "OCSP responses are not stapled");
  }
  if (message.signedCertificateTimestamp.length > 0) {
    const effect = "timestamps are not sent to clients";
    problems.unsupported(message, "signed_certificate_timestamp", effect);
  }
  if (message.tlsParams !== undefined) {
    const effect = "the context's own tls_params apply to all its certificates";
    problems.unsupported(message, "tls_params", effect, true);
  }
}

/** Certificates by the names they are for. */
export class IdentityIndex {
  readonly #all: readonly TlsIdentity[];
  readonly #byName = new Map<string, TlsIdentity[]>();

  readonly #fullScan: boolean;

  /**
   * `identities` must not be empty; the first is the default. `fullScan`: a name that nobody has gets
   * the first certificate of a key type that the client takes, not simply the first.
   */
  constructor(identities: readonly TlsIdentity[], fullScan: boolean) {
    this.#all = identities;
    this.#fullScan = fullScan;
    for (const identity of identities) {
      const { dnsSans, commonName } = identity.leaf;
      // Envoy looks at the common name only where there is no DNS name.
      for (const name of dnsSans.length > 0 ? dnsSans : [commonName]) {
        const key = name.toLowerCase();
        const list = this.#byName.get(key);
        if (list === undefined) this.#byName.set(key, [identity]);
        else list.push(identity);
      }
    }
  }

  /** One certificate for all: what a client asks for makes no difference. */
  get isSingle(): boolean {
    return this.#all.length === 1;
  }

  /** By exact name, then by `*.` and the rest of the name; else the first, or the first that fits. */
  choose(serverName: string, takesEcdsa: boolean): TlsIdentity {
    const all = this.#all;
    if (all.length === 1) return all[0]!;
    const dot = serverName.indexOf(".");
    const named = this.#byName.get(serverName) ??
      (dot < 0 ? undefined : this.#byName.get(`*${serverName.slice(dot)}`));
    if (named === undefined && serverName !== "" && !this.#fullScan) return all[0]!;
    const candidates = named ?? all;
    const wanted = candidates.find((identity) => (identity.keyType === "rsa") !== takesEcdsa);
    return wanted ?? candidates[0]!;
  }
}
