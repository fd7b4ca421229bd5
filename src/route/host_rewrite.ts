/** Changes of `:authority` on the way upstream. */

import { H, type HeaderMap, type StreamInfo } from "../http/mod.ts";
import { binaryText, compileRegexRewrite, headerName } from "../matching/mod.ts";
import type { envoy_config_route_v3_RouteAction } from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { compileRequestFormat } from "./header_changes.ts";
import { justPath } from "./units.ts";

/** The new host of a request; undefined or "" keeps it. */
export type HostRewrite = (headers: HeaderMap, info: StreamInfo) => string | undefined;

/** Compiles the route's host rewrite, `auto_host_rewrite` apart: that is known once a host is. */
export function compileHostRewrite(
  message: envoy_config_route_v3_RouteAction,
  context: CompileContext,
): HostRewrite | undefined {
  const specifier = message.hostRewriteSpecifier;
  switch (specifier.case) {
    case "hostRewriteLiteral": {
      const host = binaryText(specifier.value);
      return host === "" ? undefined : () => host;
    }
    case "hostRewriteHeader": {
      const name = headerName(specifier.value);
      return name === "" ? undefined : (headers) => headers.get(name);
    }
    case "hostRewritePathRegex": {
      const rewrite = compileRegexRewrite(specifier.value, context);
      return (headers) => rewrite(justPath(headers.getId(H.path) ?? ""));
    }
    case "hostRewrite": {
      const place = { message, field: "host_rewrite", omitsEmpty: false };
      return compileRequestFormat(specifier.value, place, context);
    }
    case "autoHostRewrite":
    case undefined:
      return undefined;
  }
}

/** What `updateAuthority` leaves behind of the old host. */
export interface AuthorityTrace {
  /** Appends it to x-forwarded-host. */
  readonly appendsForwardedHost: boolean;
  /** Sets x-envoy-original-host. */
  readonly keepsOriginal: boolean;
}

/** Replaces `:authority` and leaves the old one in other headers as asked. */
export function updateAuthority(headers: HeaderMap, host: string, trace: AuthorityTrace): void {
  const old = headers.getId(H.authority) ?? "";
  if (trace.appendsForwardedHost && old !== "") appendForwardedHost(headers, old);
  if (trace.keepsOriginal && old !== "") headers.setId(H.xEnvoyOriginalHost, old);
  headers.setId(H.authority, host);
}

/** A host that is the last one already is not appended again. */
function appendForwardedHost(headers: HeaderMap, host: string): void {
  const present = headers.getId(H.xForwardedHost);
  if (present === undefined || present === "") {
    headers.setId(H.xForwardedHost, host);
    return;
  }
  const comma = present.lastIndexOf(",");
  if (present.slice(comma + 1).trim() !== host) {
    headers.setId(H.xForwardedHost, `${present},${host}`);
  }
}
