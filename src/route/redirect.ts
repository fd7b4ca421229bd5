/** Where a redirect leads: Envoy's `Http::Utility::newUri`, byte for byte. */

import { H, type HeaderMap } from "../http/mod.ts";
import { binaryText } from "../matching/mod.ts";
import type { envoy_config_route_v3_RedirectAction } from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { PathMatcher } from "./path_matcher.ts";
import { compilePathRewrite, type PathRewrite, rewritePath } from "./path_rewrite.ts";
import type { RedirectAction } from "./route.ts";

/** By the numbers of RedirectAction.RedirectResponseCode. */
const STATUSES: readonly number[] = [301, 302, 303, 307, 308];

interface Redirect {
  /** "" keeps the request's. */
  readonly scheme: string;
  readonly host: string;
  /** With its colon. */
  readonly port: string;
  readonly path: string;
  readonly stripsQuery: boolean;
}

const SAME_PLACE: Redirect = { scheme: "", host: "", port: "", path: "", stripsQuery: false };

/** The action of a redirect route, with what it rewrites of scheme, host, port and path. */
export function compileRedirect(
  message: envoy_config_route_v3_RedirectAction,
  matcher: PathMatcher,
  context: CompileContext,
): RedirectAction {
  const scheme = message.schemeRewriteSpecifier;
  const specifier = message.pathRewriteSpecifier;
  const redirect: Redirect = {
    scheme: scheme.case === "schemeRedirect"
      ? binaryText(scheme.value)
      : scheme.case === "httpsRedirect" && scheme.value
      ? "https"
      : "",
    host: binaryText(message.hostRedirect),
    port: message.portRedirect === 0 ? "" : `:${message.portRedirect}`,
    path: specifier.case === "pathRedirect" ? binaryText(specifier.value) : "",
    stripsQuery: message.stripQuery,
  };
  let rewrite: PathRewrite | undefined;
  if (specifier.case === "prefixRewrite") {
    rewrite = compilePathRewrite({ prefixRewrite: specifier.value, message }, matcher, context);
  } else if (specifier.case === "regexRewrite") {
    rewrite = compilePathRewrite({ regexRewrite: specifier.value, message }, matcher, context);
  } else if (specifier.case === "pathRewrite") {
    rewrite = compilePathRewrite({ format: specifier.value, message }, matcher, context);
  }
  return {
    kind: "redirect",
    status: STATUSES[message.responseCode] ?? 301,
    location: (headers) => newUri(redirect, headers),
    rewritePath: (headers, info, insertsOriginal) => {
      if (rewrite !== undefined) rewritePath(rewrite, headers, { info, insertsOriginal });
    },
  };
}

/** The URL of the request as it is now; 201 and 3xx direct responses give it as their Location. */
export function currentUrl(headers: HeaderMap): string {
  return newUri(SAME_PLACE, headers);
}

/** The answer of virtual hosts with `require_tls` to plain requests. */
export const TLS_REDIRECT: RedirectAction = {
  kind: "redirect",
  status: 301,
  location: (headers) =>
    `https://${headers.getId(H.authority) ?? ""}${headers.getId(H.path) ?? ""}`,
  rewritePath() {},
};

function newUri(redirect: Redirect, headers: HeaderMap): string {
  const scheme = redirect.scheme !== "" ? redirect.scheme : headers.getId(H.scheme) ?? "";
  const host = redirect.host !== "" ? redirect.host : requestHost(headers, scheme, redirect.port);
  return `${scheme}://${host}${redirect.port}${newPath(redirect, headers.getId(H.path) ?? "")}`;
}

function newPath(redirect: Redirect, current: string): string {
  if (redirect.path.includes("?")) return redirect.path;
  const query = current.indexOf("?");
  let path = current;
  if (redirect.path !== "") {
    path = query < 0 ? redirect.path : redirect.path + current.slice(query);
  }
  if (!redirect.stripsQuery) return path;
  const end = path.indexOf("?");
  return end < 0 ? path : path.slice(0, end);
}

/** The request's host, without a port that is replaced or was the default of the scheme left. */
function requestHost(headers: HeaderMap, scheme: string, port: string): string {
  const host = headers.getId(H.authority) ?? "";
  if (host === "") return host;
  let end = host.startsWith("[") ? host.lastIndexOf("]:") : host.lastIndexOf(":");
  if (end < 0) return host;
  if (host.startsWith("[")) end++;
  let removesPort = port !== "";
  const from = headers.getId(H.xForwardedProto) ?? "";
  if (scheme !== from) {
    const requestPort = host.slice(end);
    if (from === "https" && requestPort === ":443") removesPort = true;
    if (from === "http" && requestPort === ":80") removesPort = true;
  }
  return removesPort ? host.slice(0, end) : host;
}
