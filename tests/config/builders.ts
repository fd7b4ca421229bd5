/** Small bootstraps around the part a row is about, and what is said of them in short. */

import { decodeBootstrap, type DecodedBootstrap } from "../../src/config/mod.ts";
import { loadRegistry } from "../../src/proto/registry.ts";

const registry = await loadRegistry();

export const TYPE = "type.googleapis.com/";
const ROUTER =
  `{ name: envoy.filters.http.router, typed_config: { "@type": ${TYPE}envoy.extensions.filters.http.router.v3.Router } }`;
const HCM_TYPE =
  `"@type": ${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
export const ECHO =
  `{ name: echo, typed_config: { "@type": ${TYPE}envoy.extensions.filters.network.echo.v3.Echo } }`;
export const ADDRESS = "address: { socket_address: { address: 127.0.0.1, port_value: 0 } }";

/** One cluster in flow style. */
export function cluster(body: string): string {
  return `static_resources: { clusters: [{ ${body} }] }`;
}

/** One endpoint of a cluster. */
export function endpoints(address: string, port = "port_value: 80"): string {
  return `load_assignment: { cluster_name: a, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: ${address}, ${port} } } } }] }] }`;
}

/** Listeners in flow style beside a cluster `a`. */
export function listeners(...bodies: string[]): string {
  const all = bodies.map((body) => `{ ${body} }`).join(", ");
  return `static_resources: { clusters: [{ name: a, type: STATIC }], listeners: [${all}] }`;
}

/** A listener of one chain. */
export function chain(...filters: string[]): string {
  return listeners(`name: l, ${ADDRESS}, filter_chains: [{ filters: [${filters.join(", ")}] }]`);
}

/** A connection manager; `filters` end with the router unless given. */
export function hcm(body: string, filters = ROUTER): string {
  return chain(
    `{ name: hcm, typed_config: { ${HCM_TYPE}, stat_prefix: x, ${body}, http_filters: [${filters}] } }`,
  );
}

/** One HTTP filter before the router. */
export function httpFilter(type: string, body = ""): string {
  const config = `{ "@type": ${TYPE}envoy.extensions.filters.http.${type}, ${body} }`;
  return hcm("route_config: { name: r }", `{ name: f, typed_config: ${config} }, ${ROUTER}`);
}

/** Virtual hosts in flow style. */
export function hosts(...bodies: string[]): string {
  const all = bodies.map((body) => `{ ${body} }`).join(", ");
  return hcm(`route_config: { name: r, virtual_hosts: [${all}] }`);
}

/** One route of one virtual host. */
export function route(body: string): string {
  return hosts(`name: v, domains: ["*"], routes: [{ ${body} }]`);
}

/** A route with an action that matches everything. */
export function action(body: string): string {
  return route(`match: { prefix: / }, route: { ${body} }`);
}

/** Decodes a text, YAML unless the file's name says other; `over` is merged over it. */
export function decode(
  text: string,
  { file = "c.yaml", over }: { file?: string; over?: string } = {},
): DecodedBootstrap {
  return decodeBootstrap(text, file, registry, over === undefined ? {} : { configYaml: over });
}

/** The errors as `path: message (hint)`. */
export function errors(text: string, file = "c.yaml"): string[] {
  return decode(text, { file }).problems.filter(({ severity }) => severity === "error")
    .map(({ path, message, hint }) =>
      `${path}: ${message}${hint === undefined ? "" : ` (${hint})`}`
    );
}

/** "ok", or the first error. */
export function verdict(text: string, file?: string): string {
  return errors(text, file)[0] ?? "ok";
}
