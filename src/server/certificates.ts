/** /certs and the expiry gauge: the certificates that the configuration's TLS contexts name. */

import { X509Certificate } from "node:crypto";
import type { CertificateStatus, Json } from "../admin/mod.ts";

const DAY_MS = 24 * 3600 * 1000;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A core.v3.DataSource, as much as is read here. */
interface DataSource {
  readonly specifier: {
    readonly case?: string | undefined;
    readonly value?: unknown;
  };
}

/** Certificates of one TLS context, with where each came from. */
export interface ContextCertificates {
  readonly chain: readonly LoadedCertificate[];
  readonly ca: readonly LoadedCertificate[];
}

export interface LoadedCertificate {
  readonly path: string;
  readonly certificate: X509Certificate;
}

/** Reads the certificates of every TLS context in a tree of messages; unreadable ones are left out. */
export function collectCertificates(tree: unknown): ContextCertificates[] {
  if (Array.isArray(tree)) return tree.flatMap(collectCertificates);
  if (typeof tree !== "object" || tree === null || ArrayBuffer.isView(tree)) return [];
  const message = tree as { readonly [key: string]: unknown };
  if (
    message["$typeName"] !== "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext"
  ) {
    return Object.values(message).flatMap(collectCertificates);
  }
  const chain = ((message["tlsCertificates"] ?? []) as { certificateChain?: DataSource }[])
    .flatMap((one) => readChain(one.certificateChain));
  const validation = message["validationContextType"] as {
    case?: string;
    value?: { trustedCa?: DataSource; defaultValidationContext?: { trustedCa?: DataSource } };
  };
  const ca = readChain(
    validation?.value?.trustedCa ?? validation?.value?.defaultValidationContext?.trustedCa,
  );
  return chain.length === 0 && ca.length === 0 ? [] : [{ chain, ca }];
}

/** Whole days until the first of them expires; undefined if there are none. */
export function daysUntilFirstExpiry(
  contexts: readonly ContextCertificates[],
  nowMs: number,
): number | undefined {
  const days = contexts.flatMap(({ chain, ca }) => [...chain, ...ca])
    .map(({ certificate }) => daysLeft(certificate, nowMs));
  return days.length === 0 ? undefined : Math.min(...days);
}

/** The form of /certs. */
export function certificateStatuses(
  contexts: readonly ContextCertificates[],
  nowMs: number,
): CertificateStatus[] {
  const details = (loaded: LoadedCertificate): Json => detailsOf(loaded, nowMs);
  return contexts.map(({ chain, ca }) => ({
    caCertificates: ca.map(details),
    certChain: chain.map(details),
  }));
}

function readChain(source: DataSource | undefined): LoadedCertificate[] {
  if (source === undefined) return [];
  const { case: kind, value } = source.specifier;
  try {
    const text = kind === "filename"
      ? Deno.readTextFileSync(value as string)
      : kind === "inlineString"
      ? value as string
      : kind === "inlineBytes"
      ? new TextDecoder().decode(value as Uint8Array)
      : kind === "environmentVariable"
      ? Deno.env.get(value as string) ?? ""
      : "";
    const path = kind === "filename" ? value as string : "<inline>";
    return (text.match(PEM) ?? []).map((pem) => ({ path, certificate: new X509Certificate(pem) }));
  } catch {
    return []; // The listener's compile step has reported it by name.
  }
}

function daysLeft(certificate: X509Certificate, nowMs: number): number {
  return Math.max(0, Math.floor((Date.parse(certificate.validTo) - nowMs) / DAY_MS));
}

function detailsOf({ path, certificate }: LoadedCertificate, nowMs: number): Json {
  const names = subjectAltNames(certificate);
  return {
    path,
    serial_number: certificate.serialNumber.toLowerCase(),
    ...(names.length === 0 ? {} : { subject_alt_names: names }),
    days_until_expiration: String(daysLeft(certificate, nowMs)),
    valid_from: new Date(certificate.validFrom).toISOString().replace(".000Z", "Z"),
    expiration_time: new Date(certificate.validTo).toISOString().replace(".000Z", "Z"),
  };
}

function subjectAltNames(certificate: X509Certificate): Json[] {
  const dns: Json[] = [];
  const uris: Json[] = [];
  const ips: Json[] = [];
  for (const part of (certificate.subjectAltName ?? "").split(", ")) {
    if (part.startsWith("DNS:")) dns.push({ dns: part.slice(4) });
    else if (part.startsWith("URI:")) uris.push({ uri: part.slice(4) });
    else if (part.startsWith("IP Address:")) ips.push({ ip_address: part.slice(11) });
  }
  return [...dns, ...uris, ...ips];
}
