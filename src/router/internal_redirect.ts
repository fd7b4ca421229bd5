/** Internal redirects: turns the request into one for the upstream's Location, if policy allows. */

import { type FilterStateObject, H, type HeaderMap, type StreamInfo } from "../http/mod.ts";
import type { InternalRedirectPolicy, Route } from "../route/mod.ts";
import { ROUTER_STAT } from "./config.ts";

const COUNT_KEY = "num_internal_redirects";
const ORIGINAL_URL = "x-envoy-original-url";

/** How many times a request was redirected; goes along with its stream. */
class RedirectCount implements FilterStateObject {
  count = 0;

  serialize(): string | undefined {
    return String(this.count);
  }

  json(): unknown {
    return this.count;
  }
}

/** Where a Location leads. */
interface Target {
  readonly scheme: string;
  readonly hostAndPort: string;
  readonly path: string;
}

/** Scheme, host and path of an absolute URL, its fragment left out; undefined for all else. */
export function parseLocation(location: string): Target | undefined {
  const colon = location.indexOf("://");
  if (colon <= 0) return undefined;
  for (let i = 0; i < colon; i++) {
    const code = location.charCodeAt(i) | 0x20;
    if (code < 0x61 || code > 0x7a) return undefined;
  }
  const start = colon + 3;
  let end = start;
  while (end < location.length && !"/?#".includes(location[end]!)) end++;
  const authority = location.slice(start, end);
  const hostAndPort = authority.slice(authority.lastIndexOf("@") + 1);
  if (hostAndPort === "" || hostAndPort.startsWith(":")) return undefined;
  let path = location.slice(end);
  const fragment = path.indexOf("#");
  if (fragment >= 0) path = path.slice(0, fragment);
  if (path === "") path = "/";
  return { scheme: location.slice(0, colon).toLowerCase(), hostAndPort, path };
}

/** What a redirect looks at. */
export interface RedirectRequest {
  readonly policy: InternalRedirectPolicy;
  readonly headers: HeaderMap;
  readonly responseHeaders: HeaderMap;
  readonly status: number;
  readonly info: StreamInfo;
  /** Finds the route of the changed headers. */
  findRoute(): Route | undefined;
  /** Drops the body that was kept, since the redirected request has none. */
  dropBody(): void;
}

/** Index of the router's stat that counts why a redirect is passed on; "ok" if it is followed. */
export type RedirectOutcome = "ok" | "no_path" | number;

/** Changes the request's headers for the redirect, or leaves them as they were. */
export function redirectRequest(request: RedirectRequest): RedirectOutcome {
  const { policy, headers, info } = request;
  if (!headers.hasId(H.path)) return "no_path";
  const target = parseLocation(request.responseHeaders.getId(H.location) ?? "");
  if (target === undefined) return ROUTER_STAT.redirectBadLocation;
  const isPlain = headers.getId(H.scheme) === "http" || info.connection.tls === undefined;
  const toPlain = target.scheme === "http";
  if (!policy.allowCrossScheme && isPlain !== toPlain) return ROUTER_STAT.redirectUnsafeScheme;
  const count = redirectCount(info);
  if (count.count >= policy.maxRedirects) return ROUTER_STAT.redirectTooMany;
  const saved = headers.copy();
  const refusal = applyTarget(request, target, { isPlain, toPlain });
  if (refusal !== undefined) {
    restore(headers, saved);
    return refusal;
  }
  if (request.status === 303) becomeGet(request);
  count.count++;
  const host = saved.getId(H.authority) ?? "";
  headers.set(ORIGINAL_URL, `${isPlain ? "http" : "https"}://${host}${saved.getId(H.path)}`);
  return "ok";
}

function redirectCount(info: StreamInfo): RedirectCount {
  const known = info.stateObject(COUNT_KEY);
  if (known instanceof RedirectCount) return known;
  const count = new RedirectCount();
  info.setStateObject(COUNT_KEY, count);
  return count;
}

/** @returns the stat of what speaks against it */
function applyTarget(
  request: RedirectRequest,
  target: Target,
  { isPlain, toPlain }: { readonly isPlain: boolean; readonly toPlain: boolean },
): number | undefined {
  const { policy, headers, info } = request;
  for (const name of policy.responseHeadersToCopy) {
    headers.remove(name);
    for (const value of request.responseHeaders.all(name)) headers.add(name, value);
  }
  headers.setId(H.scheme, target.scheme);
  headers.setId(H.authority, target.hostAndPort);
  headers.setId(H.path, target.path);
  // A query without a path finds no route, as in Envoy.
  const route = target.path.startsWith("/") ? request.findRoute() : undefined;
  if (route === undefined) return ROUTER_STAT.redirectNoRoute;
  for (const predicate of policy.predicates) {
    if (!predicate.accepts(route, info, !isPlain, !toPlain)) return ROUTER_STAT.redirectPredicate;
  }
  return undefined;
}

/** RFC 9110 §15.4.4: a 303 asks for a GET of what it names. */
function becomeGet(request: RedirectRequest): void {
  const { headers } = request;
  const method = headers.getId(H.method);
  if (method === "GET" || method === "HEAD") return;
  headers.setId(H.method, "GET");
  headers.removeId(H.contentLength);
  request.dropBody();
}

function restore(headers: HeaderMap, saved: HeaderMap): void {
  headers.clear();
  for (let i = 0; i < saved.length; i++) {
    headers.append(saved.idAt(i), saved.nameAt(i), saved.valueAt(i));
  }
}
