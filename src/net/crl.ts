/** Certificate revocation lists (RFC 5280 §5): serials by issuer. Signatures are the operator's file's affair. */

import { pemBlocks } from "./certificate.ts";
import {
  DER_INTEGER,
  DER_SEQUENCE,
  derChildren,
  derContents,
  derWhole,
  hexText,
  readDer,
} from "./der.ts";

export interface Revocations {
  /** Serials in hex by the issuer's name in hex DER. */
  readonly serials: ReadonlyMap<string, ReadonlySet<string>>;
  /** Whether only the leaf is looked up. */
  readonly onlyLeaf: boolean;
}

/** All lists of a PEM text; undefined if there is none or one is broken. */
export function parseRevocations(text: string): Map<string, Set<string>> | undefined {
  const found = new Map<string, Set<string>>();
  const blocks = pemBlocks(text, "X509 CRL");
  if (blocks.length === 0) return undefined;
  for (const der of blocks) if (!readList(der, found)) return undefined;
  return found;
}

function readList(der: Uint8Array, into: Map<string, Set<string>>): boolean {
  const whole = readDer(der, 0, der.length);
  if (whole?.tag !== DER_SEQUENCE) return false;
  const [body] = derChildren(whole);
  if (body?.tag !== DER_SEQUENCE) return false;
  const fields = derChildren(body);
  if (fields[0]?.tag === DER_INTEGER) fields.shift();
  // signature, issuer, thisUpdate, nextUpdate?, revokedCertificates?
  const issuer = fields[1];
  if (issuer?.tag !== DER_SEQUENCE || fields.length < 3) return false;
  const serials = new Set<string>();
  const revoked = fields.slice(3).find((field) => field.tag === DER_SEQUENCE);
  for (const entry of revoked === undefined ? [] : derChildren(revoked)) {
    const [serial] = derChildren(entry);
    if (serial?.tag !== DER_INTEGER) return false;
    const bytes = derContents(serial);
    serials.add(hexText(bytes.length > 1 && bytes[0] === 0 ? bytes.subarray(1) : bytes));
  }
  const key = hexText(derWhole(issuer));
  const known = into.get(key);
  if (known === undefined) into.set(key, serials);
  else for (const serial of serials) known.add(serial);
  return true;
}
