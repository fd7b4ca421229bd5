/** What denvoy wants to know of an X.509 certificate (RFC 5280), read from its DER. */

import { ipText, nodeCrypto } from "../base/mod.ts";
import { Buffer } from "node:buffer";
import type { CertificateInfo } from "../http/mod.ts";
import {
  asciiText,
  DER_INTEGER,
  DER_OCTET_STRING,
  DER_OID,
  DER_SEQUENCE,
  derChildren,
  derContents,
  type DerElement,
  derOid,
  derTime,
  derWhole,
  hexText,
  readDer,
} from "./der.ts";
import { nameText } from "./distinguished_name.ts";

/** A subjectAltName entry; `oid` for OTHER_NAME. */
export interface SubjectAltName {
  readonly type: "email" | "dns" | "uri" | "ip" | "other";
  readonly value: string;
  readonly oid: string;
}

const OID_SUBJECT_ALT_NAME = "2.5.29.17";
const OID_BASIC_CONSTRAINTS = "2.5.29.19";
/** TLS feature (RFC 7633): the server must staple. */
const OID_TLS_FEATURE = "1.3.6.1.5.5.7.1.24";

/** One certificate, parsed as far as it is asked for. */
export class Certificate implements CertificateInfo {
  readonly der: Uint8Array;
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** DER of the names, to compare. */
  readonly issuerHex: string;
  readonly subjectHex: string;
  /** DER of SubjectPublicKeyInfo: what SPKI pins are hashes of. */
  readonly spki: Uint8Array;
  readonly isAuthority: boolean;
  readonly mustStaple: boolean;
  readonly subjectAltNames: readonly SubjectAltName[];
  readonly #issuer: DerElement;
  readonly #subject: DerElement;
  #sha256: string | undefined;

  private constructor(der: Uint8Array, fields: readonly DerElement[]) {
    const [serial, , issuer, validity, subject, spki] = fields;
    const [notBefore, notAfter] = derChildren(validity!);
    this.der = der;
    this.serial = serialText(derContents(serial!));
    this.notBeforeMs = notBefore === undefined ? NaN : derTime(notBefore);
    this.notAfterMs = notAfter === undefined ? NaN : derTime(notAfter);
    this.#issuer = issuer!;
    this.#subject = subject!;
    this.issuerHex = hexText(derWhole(issuer!));
    this.subjectHex = hexText(derWhole(subject!));
    this.spki = derWhole(spki!);
    const extensions = readExtensions(fields);
    this.subjectAltNames = readSubjectAltNames(extensions.get(OID_SUBJECT_ALT_NAME));
    this.isAuthority = readIsAuthority(extensions.get(OID_BASIC_CONSTRAINTS));
    this.mustStaple = extensions.has(OID_TLS_FEATURE);
  }

  /** Undefined if it is no certificate. */
  static parse(der: Uint8Array): Certificate | undefined {
    const whole = readDer(der, 0, der.length);
    if (whole?.tag !== DER_SEQUENCE) return undefined;
    const [tbs] = derChildren(whole);
    if (tbs?.tag !== DER_SEQUENCE) return undefined;
    const fields = derChildren(tbs);
    // The version comes first unless it is 1.
    if (fields[0]?.tag === 0xa0) fields.shift();
    if (fields.length < 6 || fields[0]!.tag !== DER_INTEGER) return undefined;
    for (let i = 1; i < 6; i++) if (fields[i]!.tag !== DER_SEQUENCE) return undefined;
    return new Certificate(der, fields);
  }

  get subject(): string {
    return nameText(this.#subject);
  }

  get issuer(): string {
    return nameText(this.#issuer);
  }

  get sha256Hex(): string {
    return this.#sha256 ??= nodeCrypto().createHash("sha256").update(this.der).digest("hex");
  }

  get sha1Hex(): string {
    return nodeCrypto().createHash("sha1").update(this.der).digest("hex");
  }

  get uriSans(): readonly string[] {
    return this.#sans("uri");
  }

  get dnsSans(): readonly string[] {
    return this.#sans("dns");
  }

  get ipSans(): readonly string[] {
    return this.#sans("ip");
  }

  get emailSans(): readonly string[] {
    return this.#sans("email");
  }

  get pem(): string {
    const base64 = Buffer.from(this.der).toString("base64");
    const lines = base64.match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  }

  /** Common names of the subject, for certificates without DNS SANs. */
  get commonName(): string {
    for (const part of this.subject.split(",")) if (part.startsWith("CN=")) return part.slice(3);
    return "";
  }

  #sans(type: SubjectAltName["type"]): string[] {
    return this.subjectAltNames.filter((name) => name.type === type).map((name) => name.value);
  }
}

/** Hex without the zero byte that keeps a number positive. */
function serialText(bytes: Uint8Array): string {
  return hexText(bytes.length > 1 && bytes[0] === 0 ? bytes.subarray(1) : bytes);
}

/** Values of the extensions by OID. */
function readExtensions(fields: readonly DerElement[]): Map<string, DerElement> {
  const found = new Map<string, DerElement>();
  const list = fields.find((field) => field.tag === 0xa3);
  const sequence = list === undefined ? undefined : derChildren(list)[0];
  if (sequence?.tag !== DER_SEQUENCE) return found;
  for (const extension of derChildren(sequence)) {
    const parts = derChildren(extension);
    const value = parts[parts.length - 1];
    if (parts[0]?.tag !== DER_OID || value?.tag !== DER_OCTET_STRING) continue;
    const inner = readDer(value.bytes, value.from, value.to);
    if (inner !== undefined) found.set(derOid(parts[0]), inner);
  }
  return found;
}

function readIsAuthority(constraints: DerElement | undefined): boolean {
  if (constraints === undefined) return false;
  const [first] = derChildren(constraints);
  return first?.tag === 0x01 && first.bytes[first.from] !== 0;
}

function readSubjectAltNames(sequence: DerElement | undefined): SubjectAltName[] {
  const names: SubjectAltName[] = [];
  if (sequence?.tag !== DER_SEQUENCE) return names;
  for (const element of derChildren(sequence)) {
    const name = readGeneralName(element);
    // A NUL cuts the name short for who reads it as a C string (CVE-2025-66220): such a name is none.
    if (name !== undefined && !name.value.includes("\0")) names.push(name);
  }
  return names;
}

/** GeneralName (RFC 5280 §4.2.1.6); undefined for kinds that matchers do not know. */
function readGeneralName(element: DerElement): SubjectAltName | undefined {
  switch (element.tag) {
    case 0x81:
      return { type: "email", value: asciiText(derContents(element)), oid: "" };
    case 0x82:
      return { type: "dns", value: asciiText(derContents(element)), oid: "" };
    case 0x86:
      return { type: "uri", value: asciiText(derContents(element)), oid: "" };
    case 0x87: {
      const bytes = derContents(element);
      if (bytes.length !== 4 && bytes.length !== 16) return undefined;
      return { type: "ip", value: ipText(bytes), oid: "" };
    }
    case 0xa0: {
      const [oid, wrapped] = derChildren(element);
      const text = wrapped === undefined ? undefined : derChildren(wrapped)[0];
      if (oid?.tag !== DER_OID || text === undefined) return undefined;
      return { type: "other", value: asciiText(derContents(text)), oid: derOid(oid) };
    }
  }
  return undefined;
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g;

/** DER of all blocks of one kind in a PEM text; broken base64 gives broken DER. */
export function pemBlocks(text: string, label: string): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (const match of text.matchAll(PEM_BLOCK)) {
    if (match[1] !== label) continue;
    // Headers as in `Proc-Type: …` stand before an empty line.
    const body = match[2]!.replace(/^[\s\S]*:[\s\S]*?\n\r?\n/, "");
    blocks.push(new Uint8Array(Buffer.from(body, "base64")));
  }
  return blocks;
}

/** All certificates of a PEM text, in order; undefined if there is none or one does not parse. */
export function parseCertificates(text: string): Certificate[] | undefined {
  const certificates: Certificate[] = [];
  for (const der of pemBlocks(text, "CERTIFICATE")) {
    const certificate = Certificate.parse(der);
    if (certificate === undefined) return undefined;
    certificates.push(certificate);
  }
  return certificates.length === 0 ? undefined : certificates;
}
