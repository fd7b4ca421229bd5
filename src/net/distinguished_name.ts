/** Names of X.509 as text in RFC 2253 order, written as OpenSSL's XN_FLAG_RFC2253 does. */

import { derChildren, derContents, type DerElement, derOid, derWhole, hexText } from "./der.ts";

const SHORT_NAMES: { readonly [oid: string]: string } = {
  "2.5.4.3": "CN",
  "2.5.4.4": "SN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "street",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.12": "title",
  "2.5.4.42": "GN",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "emailAddress",
};

/** The last relative name first, as in `CN=x,O=y`. */
export function nameText(name: DerElement): string {
  return derChildren(name).reverse().map(relativeText).join(",");
}

function relativeText(set: DerElement): string {
  return derChildren(set).reverse().map(attributeText).join("+");
}

function attributeText(attribute: DerElement): string {
  const [oid, value] = derChildren(attribute);
  if (oid === undefined || value === undefined) return "";
  const dotted = derOid(oid);
  const name = SHORT_NAMES[dotted];
  if (name === undefined) return `${dotted}=#${hexText(derWhole(value)).toUpperCase()}`;
  return `${name}=${escapeValue(utf8Bytes(value))}`;
}

/** BMPString and UniversalString are the only common ones that are no superset of ASCII. */
function utf8Bytes(value: DerElement): Uint8Array {
  const bytes = derContents(value);
  if (value.tag === 0x1e) {
    return new TextEncoder().encode(new TextDecoder("utf-16be").decode(bytes));
  }
  if (value.tag === 0x14) return new TextEncoder().encode(String.fromCharCode(...bytes));
  return bytes;
}

/** RFC 2253 §2.4; bytes outside printable ASCII as `\C3`. */
function escapeValue(bytes: Uint8Array): string {
  let text = "";
  const last = bytes.length - 1;
  for (let i = 0; i <= last; i++) {
    const byte = bytes[i]!;
    const char = String.fromCharCode(byte);
    if (byte < 0x20 || byte > 0x7e) text += `\\${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    else if (',+"\\<>;'.includes(char)) text += `\\${char}`;
    else if ((i === 0 && (char === "#" || char === " ")) || (i === last && char === " ")) {
      text += `\\${char}`;
    } else text += char;
  }
  return text;
}
