/** Hash policies: what of a request decides its host (Envoy's Http::HashPolicyImpl). */

import { formatAddress, xxHash64 } from "../base/mod.ts";
import { H, type HeaderMap, type StreamInfo } from "../http/mod.ts";
import {
  binaryText,
  compileRegexRewrite,
  cookieValue,
  headerName,
  queryParameter,
} from "../matching/mod.ts";
import type { envoy_config_route_v3_RouteAction_HashPolicy } from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { HashPolicy } from "./route.ts";
import { wholeMs } from "./units.ts";

/** Compiles the policies of a route or a cluster, in order. */
export function compileHashPolicies(
  messages: readonly envoy_config_route_v3_RouteAction_HashPolicy[],
  context: CompileContext,
): readonly HashPolicy[] {
  const policies: HashPolicy[] = [];
  for (const message of messages) {
    const policy = compileHashPolicy(message, context);
    if (policy !== undefined) policies.push(policy);
  }
  return policies;
}

function compileHashPolicy(
  message: envoy_config_route_v3_RouteAction_HashPolicy,
  context: CompileContext,
): HashPolicy | undefined {
  const { policySpecifier: specifier, terminal } = message;
  switch (specifier.case) {
    case "header": {
      const { headerName: name, regexRewrite } = specifier.value;
      const rewrite = regexRewrite === undefined
        ? undefined
        : compileRegexRewrite(regexRewrite, context);
      return { kind: "header", name: headerName(name), terminal, rewrite };
    }
    case "cookie": {
      const { name, ttl, path, attributes } = specifier.value;
      return {
        kind: "cookie",
        name: binaryText(name),
        ttlSeconds: ttl === undefined ? undefined : Math.trunc(wholeMs(ttl) / 1000),
        path: binaryText(path),
        attributes: attributes.map((attribute) =>
          [binaryText(attribute.name), binaryText(attribute.value)] as const
        ),
        terminal,
      };
    }
    case "connectionProperties":
      return specifier.value.sourceIp ? { kind: "source_ip", terminal } : undefined;
    case "queryParameter":
      return { kind: "query_parameter", name: binaryText(specifier.value.name), terminal };
    case "filterState":
      return { kind: "filter_state", key: specifier.value.key, terminal };
    case undefined:
      context.problems.error(message, "policy_specifier", "value is required");
      return undefined;
  }
}

const ALL_BITS = (1n << 64n) - 1n;

/** Takes the `set-cookie` value of a cookie made for a client that has none. */
export type CookieSink = (setCookie: string) => void;

/**
 * The hash of a request; undefined if no policy finds anything. Policies are combined by rotating,
 * so that two equal ones do not cancel each other out.
 */
export function requestHash(
  policies: readonly HashPolicy[],
  headers: HeaderMap,
  info: StreamInfo,
  onCookie?: CookieSink,
): bigint | undefined {
  let hash: bigint | undefined;
  for (const policy of policies) {
    const one = policyHash(policy, headers, info, onCookie);
    if (one !== undefined) {
      const rotated = hash === undefined ? 0n : ((hash << 1n) & ALL_BITS) | (hash >> 63n);
      hash = rotated ^ one;
    }
    if (policy.terminal && hash !== undefined) break;
  }
  return hash;
}

function policyHash(
  policy: HashPolicy,
  headers: HeaderMap,
  info: StreamInfo,
  onCookie: CookieSink | undefined,
): bigint | undefined {
  switch (policy.kind) {
    case "header":
      return headerHash(policy.name, policy.rewrite, headers);
    case "cookie":
      return cookieHash(policy, headers, { info, onCookie });
    case "source_ip":
      return info.remoteAddress.kind === "ip" ? xxHash64(info.remoteAddress.host) : undefined;
    case "query_parameter": {
      const value = queryParameter(headers.getId(H.path) ?? "", policy.name);
      return value === undefined ? undefined : xxHash64(value);
    }
    case "filter_state": {
      const text = info.stateObject(policy.key)?.serialize();
      return text === undefined ? undefined : xxHash64(text);
    }
  }
}

/** Several values are hashed in sorted order, each with the hash before as its seed. */
function headerHash(
  name: string,
  rewrite: ((value: string) => string) | undefined,
  headers: HeaderMap,
): bigint | undefined {
  const first = headers.get(name);
  if (first === undefined) return undefined;
  let values = headers.all(name);
  if (rewrite !== undefined) values = values.map(rewrite);
  if (values.length > 1) values.sort();
  let hash = 0n;
  for (const value of values) hash = xxHash64(value, hash);
  return hash;
}

/**
 * A missing cookie with a lifetime is made up from the connection's addresses, so that requests
 * which race on one connection all get the same one.
 */
function cookieHash(
  policy: HashPolicy & { readonly kind: "cookie" },
  headers: HeaderMap,
  { info, onCookie }: { info: StreamInfo; onCookie: CookieSink | undefined },
): bigint | undefined {
  let value = cookieValue(headers, policy.name) ?? "";
  if (value === "") {
    if (policy.ttlSeconds === undefined || onCookie === undefined) return undefined;
    const { remoteAddress, localAddress } = info.connection;
    const seed = formatAddress(remoteAddress) + formatAddress(localAddress);
    value = xxHash64(seed).toString(16).padStart(16, "0");
    onCookie(setCookie(policy, value));
  }
  return xxHash64(value);
}

function setCookie(policy: HashPolicy & { readonly kind: "cookie" }, value: string): string {
  let text = `${policy.name}="${value}"`;
  if (policy.ttlSeconds !== undefined && policy.ttlSeconds !== 0) {
    text += `; Max-Age=${policy.ttlSeconds}`;
  }
  if (policy.path !== "") text += `; Path=${policy.path}`;
  for (const [name, attribute] of policy.attributes) {
    text += attribute === "" ? `; ${name}` : `; ${name}=${attribute}`;
  }
  return text + "; HttpOnly";
}
