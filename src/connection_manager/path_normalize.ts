/**
 * One canonical path for routing, authorization, logs and upstream (CVE-2019-9901, CVE-2021-29492):
 * Envoy's maybeNormalizePath, with the URL library's path rules (WHATWG URL, dot segments also as
 * %2e, unreserved characters unescaped). The query is never touched.
 */

import { H, type HeaderMap } from "../http/mod.ts";

export type EscapedSlashes = "keep" | "reject" | "redirect" | "forward";

export interface PathOptions {
  readonly normalizes: boolean;
  readonly mergesSlashes: boolean;
  readonly escapedSlashes: EscapedSlashes;
}

/** What is to be done with the request. */
export type PathVerdict = "continue" | "reject" | "redirect";

/** Changes `:path` in place. */
export function normalizePath(headers: HeaderMap, options: PathOptions): PathVerdict {
  const original = headers.getId(H.path);
  if (original === undefined) return "continue";
  if (original.includes("#")) return "reject";
  if (!options.normalizes && !options.mergesSlashes && options.escapedSlashes === "keep") {
    return "continue";
  }
  const queryAt = original.indexOf("?");
  let path = queryAt < 0 ? original : original.slice(0, queryAt);
  let verdict: PathVerdict = "continue";
  if (options.escapedSlashes !== "keep") {
    const unescaped = unescapeSlashes(path);
    if (unescaped !== path) {
      if (options.escapedSlashes === "reject") return "reject";
      if (options.escapedSlashes === "redirect") verdict = "redirect";
      path = unescaped;
    }
  }
  if (options.normalizes) {
    const canonical = canonicalPath(path);
    if (canonical === undefined) return "reject";
    path = canonical;
  }
  if (options.mergesSlashes) path = mergeSlashes(path);
  const whole = queryAt < 0 ? path : path + original.slice(queryAt);
  if (whole !== original) headers.setId(H.path, whole);
  return verdict;
}

/** `%2F` and `%5C` in either case as the characters they stand for. */
export function unescapeSlashes(path: string): string {
  let out = "";
  let from = 0;
  for (let at = path.indexOf("%"); at >= 0; at = path.indexOf("%", at + 1)) {
    const value = hexPair(path, at + 1);
    if (value !== SLASH && value !== BACKSLASH) continue;
    out += path.slice(from, at) + String.fromCharCode(value);
    from = at + 3;
  }
  return from === 0 ? path : out + path.slice(from);
}

/** `//` in a row become one; a slash at either end stays. */
export function mergeSlashes(path: string): string {
  if (!path.includes("//")) return path;
  let out = "";
  for (let i = 0; i < path.length; i++) {
    if (path.charCodeAt(i) === SLASH && path.charCodeAt(i + 1) === SLASH) continue;
    out += path[i];
  }
  return out;
}

/** The canonical form of a path that begins with a slash; undefined if it has none (an escaped NUL). */
export function canonicalPath(path: string): string | undefined {
  if (isCanonical(path)) return path;
  const unescaped = unescapeUnreserved(path);
  return unescaped === undefined ? undefined : removeDotSegments(unescaped);
}

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const PERCENT = 0x25;

/** Per byte: 0 passes, 1 is escaped, 2 passes and is unescaped where it was escaped. */
const KIND = makeKinds();

function makeKinds(): Uint8Array {
  const kinds = new Uint8Array(256);
  kinds.fill(1, 0, 0x21);
  kinds.fill(1, 0x7f);
  for (const char of `"#<>?\`{}^|`) kinds[char.charCodeAt(0)] = 1;
  for (let code = 0x30; code < 0x7b; code++) {
    const isLetter = (code | 32) >= 0x61 && (code | 32) <= 0x7a;
    if (code <= 0x39 || isLetter) kinds[code] = 2;
  }
  for (const char of "-._~") kinds[char.charCodeAt(0)] = 2;
  return kinds;
}

/** Whether nothing in the path can need a change: the usual case, told in one scan. */
function isCanonical(path: string): boolean {
  let previous = 0;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === PERCENT || code === BACKSLASH || KIND[code] === 1) return false;
    if (code === DOT && previous === SLASH) return false;
    previous = code;
  }
  return true;
}

function unescapeUnreserved(path: string): string | undefined {
  let out = "";
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === PERCENT) {
      const value = hexPair(path, i + 1);
      if (value === 0) return undefined;
      if (value < 0) {
        out += "%";
        continue;
      }
      out += KIND[value] === 2 ? String.fromCharCode(value) : path.slice(i, i + 3);
      i += 2;
    } else if (code === BACKSLASH) {
      out += "/";
    } else if (KIND[code] === 1) {
      out += "%" + code.toString(16).toUpperCase().padStart(2, "0");
    } else {
      out += path[i];
    }
  }
  return out;
}

/** RFC 3986 §5.2.4 on a path whose dots are unescaped; `..` never leaves the root. */
function removeDotSegments(path: string): string {
  if (!path.includes("/.")) return path;
  const kept: string[] = [];
  const segments = path.split("/");
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i]!;
    const isLast = i === segments.length - 1;
    if (segment === "..") kept.pop();
    if (segment !== "." && segment !== "..") kept.push(segment);
    else if (isLast) kept.push("");
  }
  return "/" + kept.join("/");
}

/** The byte that two hexadecimal digits stand for, -1 if they are none. */
function hexPair(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at));
  const low = hexDigit(text.charCodeAt(at + 1));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 32;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
