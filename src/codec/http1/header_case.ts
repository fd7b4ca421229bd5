/** How field names are written: in lower case, `Proper-Case`, or as they came. */

import type { HeaderMap } from "../../http/mod.ts";
import type { Http1Options } from "../options.ts";

/** Names cached by a connection's thread; further ones are made afresh. */
const MAX_CACHED = 1024;
const cached = new Map<string, string>();

/** Capitals at the begin and behind every character that is no letter or digit, as Envoy does. */
export function properCase(name: string): string {
  const known = cached.get(name);
  if (known !== undefined) return known;
  let text = "";
  let capital = true;
  for (let i = 0; i < name.length; i++) {
    const char = name[i]!;
    text += capital ? char.toUpperCase() : char;
    capital = !isAlphanumeric(name.charCodeAt(i));
  }
  if (cached.size < MAX_CACHED) cached.set(name, text);
  return text;
}

function isAlphanumeric(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}

/** The name as it is to be written. */
export function formatName(
  name: string,
  headers: HeaderMap | undefined,
  format: Http1Options["headerCase"],
): string {
  if (format === "proper") return properCase(name);
  if (format === "preserve") return headers?.originalNames?.get(name) ?? name;
  return name;
}
