/** The request line (RFC 9112 §3): method, target in its four forms, version. */

import { AUTHORITY, holdsOnly, TARGET, TOKEN_LOWER } from "./char_tables.ts";
import {
  BAD_MESSAGE,
  type Fault,
  INVALID_AUTHORITY,
  INVALID_SCHEME,
  INVALID_URL,
  LOW_VERSION,
} from "./details.ts";

/** Methods Envoy's HTTP/1 parser knows; others are refused unless custom methods are allowed. */
const METHODS: ReadonlySet<string> = new Set(
  ("ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE " +
    "M-SEARCH NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE " +
    "SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE").split(" "),
);

/** What a request line is read under. */
export interface RequestLineRules {
  readonly allowCustomMethods: boolean;
  readonly allowAbsoluteUrl: boolean;
  readonly acceptHttp10: boolean;
}

/** One request line, reused for each request of a connection. */
export class RequestLine {
  method = "";
  /** Empty for CONNECT. */
  path = "";
  /** From an absolute or authority form, which beats Host (RFC 9112 §3.2.2). */
  authority: string | undefined = undefined;
  /** From an absolute form, in lower case. */
  scheme: string | undefined = undefined;
  isHttp10 = false;

  /** Reads the first `length` characters of `text`. @returns what is wrong with it */
  parse(text: string, length: number, rules: RequestLineRules): Fault | undefined {
    this.authority = this.scheme = undefined;
    this.isHttp10 = false;
    const methodEnd = text.indexOf(" ");
    if (methodEnd <= 0 || methodEnd >= length) return BAD_MESSAGE;
    this.method = text.substring(0, methodEnd);
    if (!METHODS.has(this.method)) {
      if (!rules.allowCustomMethods || !holdsOnly(TOKEN_LOWER, this.method)) return BAD_MESSAGE;
    }
    const space = text.indexOf(" ", methodEnd + 1);
    const hasVersion = space >= 0 && space < length;
    const targetEnd = hasVersion ? space : length;
    if (targetEnd === methodEnd + 1) return BAD_MESSAGE; // two spaces in a row
    const target = text.substring(methodEnd + 1, targetEnd);
    if (!holdsOnly(TARGET, target)) return BAD_MESSAGE;
    if (!hasVersion) return LOW_VERSION;
    return this.#version(text, targetEnd + 1, length, rules) ?? this.#target(target, rules);
  }

  #version(text: string, at: number, end: number, rules: RequestLineRules): Fault | undefined {
    if (end - at !== 8 || !text.startsWith("HTTP/", at)) return BAD_MESSAGE;
    const major = text.charCodeAt(at + 5) - 48;
    const minor = text.charCodeAt(at + 7) - 48;
    if (text.charCodeAt(at + 6) !== 46 || !isDigit(major) || !isDigit(minor)) return BAD_MESSAGE;
    this.isHttp10 = major === 1 && minor === 0 && rules.acceptHttp10;
    return this.isHttp10 || (major === 1 && minor === 1) ? undefined : LOW_VERSION;
  }

  #target(target: string, rules: RequestLineRules): Fault | undefined {
    if (this.method === "CONNECT") return this.#authorityForm(target);
    this.path = target;
    if (target.charCodeAt(0) === 47) return undefined;
    if (target === "*") return this.method === "OPTIONS" ? undefined : INVALID_URL;
    return this.#absoluteForm(target, rules);
  }

  #authorityForm(target: string): Fault | undefined {
    const colon = target.lastIndexOf(":");
    if (colon <= 0 || !isPort(target, colon + 1)) return INVALID_URL;
    if (!holdsOnly(AUTHORITY, target)) return INVALID_URL;
    this.path = "";
    this.authority = target;
    return undefined;
  }

  #absoluteForm(target: string, rules: RequestLineRules): Fault | undefined {
    const schemeEnd = target.indexOf("://");
    const scheme = schemeEnd === 4 || schemeEnd === 5
      ? target.substring(0, schemeEnd).toLowerCase()
      : "";
    if (scheme !== "http" && scheme !== "https") {
      return schemeEnd > 0 ? INVALID_SCHEME : BAD_MESSAGE;
    }
    const start = schemeEnd + 3;
    const end = authorityEnd(target, start);
    if (end === start) return INVALID_URL;
    // Not allowed: the whole target is a path that no route will match, as in Envoy.
    if (!rules.allowAbsoluteUrl) return undefined;
    const authority = target.substring(start, end);
    if (!holdsOnly(AUTHORITY, authority)) return INVALID_AUTHORITY;
    if (!hasValidPort(authority)) return INVALID_URL;
    this.authority = authority;
    this.scheme = scheme;
    this.path = end === target.length ? "/" : target.substring(end);
    if (this.path.charCodeAt(0) !== 47) this.path = "/" + this.path;
    return undefined;
  }
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
}

function isPort(target: string, from: number): boolean {
  if (from >= target.length || target.length - from > 5) return false;
  for (let i = from; i < target.length; i++) if (!isDigit(target.charCodeAt(i) - 48)) return false;
  return true;
}

/** Whether what follows the host, if anything does, is a port of at most 65535. */
function hasValidPort(authority: string): boolean {
  const colon = authority.lastIndexOf(":");
  if (colon < 0 || authority.charCodeAt(authority.length - 1) === 93) return true; // [::1]
  return isPort(authority, colon + 1) && Number(authority.substring(colon + 1)) <= 65535;
}

/** Where `/`, `?`, `#` or the target ends the authority. */
function authorityEnd(target: string, start: number): number {
  for (let i = start; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code === 47 || code === 63 || code === 35) return i;
  }
  return target.length;
}
