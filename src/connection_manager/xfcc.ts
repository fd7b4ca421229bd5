/** x-forwarded-client-cert: who showed which certificate (Envoy's mutateXfccRequestHeader). */

import { H, type HeaderMap, type TlsInfo } from "../http/mod.ts";

export type XfccMode =
  | "sanitize"
  | "forward_only"
  | "append_forward"
  | "sanitize_set"
  | "always_forward_only";

/** Index is the API's number. */
export const XFCC_MODES: readonly XfccMode[] = [
  "sanitize",
  "forward_only",
  "append_forward",
  "sanitize_set",
  "always_forward_only",
];

/** Details of the client's certificate to tell of, besides By and Hash. */
export interface XfccDetails {
  readonly cert: boolean;
  readonly chain: boolean;
  readonly subject: boolean;
  readonly uri: boolean;
  readonly dns: boolean;
  readonly issuer: boolean;
}

export interface XfccOptions {
  readonly mode: XfccMode;
  /** An array of objects instead of `Key=value` lists. */
  readonly isJson: boolean;
  readonly details: XfccDetails;
}

/** Removes, keeps, sets or appends the header. */
export function mutateXfcc(
  headers: HeaderMap,
  options: XfccOptions,
  tls: TlsInfo | undefined,
): void {
  const { mode } = options;
  if (mode === "always_forward_only") return;
  if (mode === "sanitize" || tls?.peerCertificatePresented !== true) {
    headers.removeId(H.xForwardedClientCert);
    return;
  }
  if (mode === "forward_only") return;
  const given = mode === "append_forward" ? headers.joined("x-forwarded-client-cert") : undefined;
  headers.setId(H.xForwardedClientCert, xfccValue(given ?? "", options, tls));
}

function xfccValue(given: string, { isJson, details }: XfccOptions, tls: TlsInfo): string {
  const isArray = given.startsWith("[") && given.endsWith("]");
  // A list of the other form is gone on with as it is: two forms in one header have no reader.
  if (isJson && (given === "" || isArray)) {
    const element = xfccObject(tls, details);
    const before = given.slice(1, -1).trim();
    return before === "" ? `[${element}]` : `[${before},${element}]`;
  }
  const element = xfccElement(tls, details);
  return given === "" ? element : `${given},${element}`;
}

/** One element as JSON; what is empty is left out. */
function xfccObject(tls: TlsInfo, details: XfccDetails): string {
  const { peer } = tls;
  const chain = details.chain ? tls.peerChainPem() : undefined;
  const some = (values: readonly string[] | undefined): readonly string[] | undefined =>
    values === undefined || values.length === 0 ? undefined : values;
  return JSON.stringify({
    by: some(tls.local?.uriSans),
    hash: peer?.sha256Hex,
    cert: details.cert ? peer?.pem : undefined,
    chain: chain?.match(/-----BEGIN [^]*?-----END [^\n]*\n?/g) ?? undefined,
    subject: details.subject ? peer?.subject : undefined,
    uri: details.uri ? some(peer?.uriSans) : undefined,
    dns: details.dns ? some(peer?.dnsSans) : undefined,
    issuer: details.issuer ? peer?.issuer : undefined,
  });
}

/** One element, as `By=…;Hash=…;Subject="…";URI=…`. */
function xfccElement(tls: TlsInfo, details: XfccDetails): string {
  const parts: string[] = [];
  for (const uri of tls.local?.uriSans ?? []) parts.push(`By=${uri}`);
  const peer = tls.peer;
  if (peer !== undefined) parts.push(`Hash=${peer.sha256Hex}`);
  if (details.cert && peer !== undefined) parts.push(`Cert="${urlEncodePem(peer.pem)}"`);
  const chain = details.chain ? tls.peerChainPem() : undefined;
  if (chain !== undefined) parts.push(`Chain="${urlEncodePem(chain)}"`);
  // The key stands there even if the subject is empty.
  if (details.subject) parts.push(`Subject="${peer?.subject ?? ""}"`);
  if (details.uri) pushSans(parts, "URI", peer?.uriSans ?? []);
  if (details.dns) {
    for (const name of peer?.dnsSans ?? []) parts.push(`DNS=${name}`);
  }
  if (details.issuer) parts.push(`Issuer="${peer?.issuer ?? ""}"`);
  return parts.join(";");
}

function pushSans(parts: string[], key: string, sans: readonly string[]): void {
  if (sans.length === 0) parts.push(`${key}=`);
  for (const san of sans) parts.push(`${key}=${san}`);
}

/** PEM escaped as Envoy does it: newline, space, `+`, `/` and `=`. */
export function urlEncodePem(pem: string): string {
  return pem.replaceAll("\n", "%0A").replaceAll(" ", "%20").replaceAll("+", "%2B")
    .replaceAll("/", "%2F").replaceAll("=", "%3D");
}
