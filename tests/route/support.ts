/** Route tables for tests, from the objects that a YAML file would hold. */

import { H, HeaderMap, type StreamInfo } from "../../src/http/mod.ts";
import type { envoy_config_route_v3_RouteConfiguration } from "../../src/proto/mod.ts";
import { compileRouteTable, type Route, type RouteTable } from "../../src/route/mod.ts";
import type { RouteTableOptions } from "../../src/route/mod.ts";
import { fakeContext, type FakeContextOptions } from "../support/fakes/compile_context.ts";
import { fakeStreamInfo } from "../support/fakes/stream_info.ts";
import { decodeMessage } from "../support/messages.ts";

const TYPE = "envoy.config.route.v3.RouteConfiguration";

/** Compiles a table that must have no problems. */
export async function routeTable(
  config: object,
  options: FakeContextOptions = {},
): Promise<RouteTable> {
  const { message } = await decodeMessage<envoy_config_route_v3_RouteConfiguration>(TYPE, config);
  return compileRouteTable(message, fakeContext(options));
}

/** The texts of all problems of a table. */
export async function tableProblems(
  config: object,
  options: RouteTableOptions = {},
  context: FakeContextOptions = {},
): Promise<string[]> {
  const decoded = await decodeMessage<envoy_config_route_v3_RouteConfiguration>(TYPE, config);
  compileRouteTable(decoded.message, fakeContext({ ...context, problems: decoded.sink }), options);
  return decoded.problems().map((problem) => `${problem.severity}: ${problem.message}`);
}

/** A virtual host for all domains. */
export function anyHost(routes: readonly object[], more: object = {}): object {
  return { name: "r", virtual_hosts: [{ name: "all", domains: ["*"], ...more, routes }] };
}

export function direct(match: object, text: string, more: object = {}): object {
  return { match, direct_response: { status: 200, body: { inline_string: text } }, ...more };
}

/** Headers of a request as the connection manager hands them on. */
export function request(
  path: string,
  { method = "GET", host = "conf.test", headers = [], scheme = "http" }: {
    method?: string;
    host?: string;
    scheme?: string;
    headers?: readonly (readonly [string, string])[];
  } = {},
): HeaderMap {
  const map = HeaderMap.of([":method", method], [":authority", host], [":scheme", scheme]);
  if (path !== "") map.addId(H.path, path);
  map.addId(H.xForwardedProto, scheme);
  for (const [name, value] of headers) map.add(name, value);
  return map;
}

/** The route of a request; undefined if there is none. */
export function find(
  table: RouteTable,
  headers: HeaderMap,
  { info = fakeStreamInfo(), random = 0 }: { info?: StreamInfo; random?: number } = {},
): Route | undefined {
  const found = table.match(headers, info, random);
  return "miss" in found ? undefined : found;
}

/** What answers a request: a direct response's body, or what else the route does. */
export function answer(
  table: RouteTable,
  headers: HeaderMap,
  info: StreamInfo = fakeStreamInfo(),
): string {
  const route = find(table, headers, { info });
  if (route === undefined) return "404";
  const { action } = route;
  if (action.kind === "direct_response") return action.body(headers, info);
  if (action.kind === "redirect") {
    action.rewritePath(headers, info, true);
    return `${action.status} ${action.location(headers)}`;
  }
  return action.kind === "route" ? `cluster ${action.clusterName}` : action.kind;
}
