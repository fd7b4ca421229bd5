/** TLS facts of either side. */

import { Buffer as NodeBuffer } from "node:buffer";
import type { X509Certificate } from "node:crypto";
import { nodeCrypto } from "../../base/mod.ts";
import type { CertificateInfo, TlsInfo } from "../../http/mod.ts";
import type { FormatContext, ValueProvider } from "../context.ts";
import { nonEmpty } from "./operator.ts";

type TlsReader = (context: FormatContext) => TlsInfo | undefined;

const downstream: TlsReader = ({ info }) => info.connection.tls;
const upstream: TlsReader = ({ info }) => info.upstream?.tls;

/** A text of the connection. */
export function fact(
  read: TlsReader,
  name: "version" | "cipher" | "sni" | "sessionId",
): ValueProvider {
  return (context) => nonEmpty(read(context)?.[name]);
}

type CertificateReader = (context: FormatContext) => CertificateInfo | undefined;

const downstreamPeer: CertificateReader = (context) => downstream(context)?.peer;
const downstreamOwn: CertificateReader = (context) => downstream(context)?.local;
const upstreamPeer: CertificateReader = (context) => upstream(context)?.peer;
const upstreamOwn: CertificateReader = (context) => upstream(context)?.local;

/** A text of a certificate. */
export function text(
  read: CertificateReader,
  name: "subject" | "issuer" | "serial" | "sha256Hex" | "sha1Hex",
): ValueProvider {
  return (context) => {
    const value = nonEmpty(read(context)?.[name]);
    return value === undefined ? undefined : NodeBuffer.from(value, "utf8").toString("latin1");
  };
}

/** Subject alternative names of one kind, joined with commas. */
export function sans(
  read: CertificateReader,
  name: "uriSans" | "dnsSans" | "ipSans" | "emailSans",
): ValueProvider {
  return (context) => nonEmpty(read(context)?.[name].join(","));
}

/** The certificate in PEM, URL-encoded to stay on one line. */
export function pem(read: CertificateReader): ValueProvider {
  return (context) => {
    const certificate = read(context);
    return certificate === undefined ? undefined : nonEmpty(encodeURIComponent(certificate.pem));
  };
}

type ChainFact = (certificate: X509Certificate) => string;

const hexOf = (colons: string): string => colons.replaceAll(":", "").toLowerCase();
const sha256: ChainFact = (certificate) => hexOf(certificate.fingerprint256);
const sha1: ChainFact = (certificate) => hexOf(certificate.fingerprint);
const serial: ChainFact = (certificate) => certificate.serialNumber.toLowerCase();

function peerChain(context: FormatContext): X509Certificate[] {
  const chain = downstream(context)?.peerChainPem() ?? "";
  return chain.split(/(?<=-----END CERTIFICATE-----)/)
    .filter((part) => part.includes("-----BEGIN"))
    .map((part) => new (nodeCrypto().X509Certificate)(part.trim()));
}

/** A fact of every certificate that the client sent, joined with commas. */
export function chain(of: ChainFact): ValueProvider {
  return (context) => nonEmpty(peerChain(context).map(of).join(","));
}

/** A fact of the certificate next to the client's leaf. */
export function issuer(of: ChainFact): ValueProvider {
  return (context) => {
    const certificate = peerChain(context)[1];
    return certificate === undefined ? undefined : of(certificate);
  };
}

export {
  downstream,
  downstreamOwn,
  downstreamPeer,
  serial,
  sha1,
  sha256,
  upstream,
  upstreamOwn,
  upstreamPeer,
};
