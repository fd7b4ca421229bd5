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
  const element = xfccElement(tls, options.details);
  const given = mode === "append_forward" ? headers.joined("x-forwarded-client-cert") : undefined;
  headers.setId(
    H.xForwardedClientCert,
    given === undefined || given === "" ? element : `${given},${element}`,
  );
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
