/** How texts become filter state objects, by the names of Envoy's object factories. */

import type { FilterStateObject } from "../http/mod.ts";
import { ORIGINAL_DST_STATE, parseIpAndPort } from "../upstream/mod.ts";
import { StateText, TCP_CLUSTER, TCP_IDLE_TIMEOUT_MS } from "./network/tcp_proxy_state.ts";

/** Makes an object of a text; undefined where the text is none of its kind. */
export type ObjectFactory = (text: string) => FilterStateObject | undefined;

const MAX_UINT64 = (1n << 64n) - 1n;

const asText: ObjectFactory = (text) => new StateText(text);

const asUint64: ObjectFactory = (text) =>
  /^\d{1,20}$/.test(text) && BigInt(text) <= MAX_UINT64 ? new StateText(text) : undefined;

const asUint32: ObjectFactory = (text) =>
  /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 ? new StateText(text) : undefined;

const asBool: ObjectFactory = (text) =>
  text === "true" || text === "false" ? new StateText(text) : undefined;

const asAddress: ObjectFactory = (text) =>
  parseIpAndPort(text) === undefined ? undefined : new StateText(text);

const FACTORIES: ReadonlyMap<string, ObjectFactory> = new Map([
  ["envoy.string", asText],
  ["envoy.hashable_string", asText],
  ["envoy.bool", asBool],
  [ORIGINAL_DST_STATE, asAddress],
  ["envoy.tcp_proxy.disable_tunneling", asBool],
  ["envoy.upstream.dynamic_host", asText],
  ["envoy.upstream.dynamic_port", asUint32],
  [TCP_CLUSTER, asText],
  [TCP_IDLE_TIMEOUT_MS, asUint64],
]);

/** Objects that Envoy makes and nothing here reads. */
const UNUSED: ReadonlySet<string> = new Set([
  "envoy.filters.listener.original_dst.local_ip",
  "envoy.filters.listener.original_dst.remote_ip",
  "envoy.network.application_protocols",
  "envoy.network.ip",
  "envoy.network.network_namespace",
  "envoy.network.upstream_bind_override.network_namespace",
  "envoy.network.upstream_server_name",
  "envoy.network.upstream_subject_alt_names",
  "envoy.ratelimit.hits_addend",
  "envoy.router.debug_config",
  "envoy.tls.cert_validator.spiffe.workload_trust_domain",
]);

/** The factory of that name; `unused` if nothing would read what Envoy's makes. */
export function objectFactory(name: string): ObjectFactory | "unknown" | "unused" {
  return FACTORIES.get(name) ?? (UNUSED.has(name) ? "unused" : "unknown");
}
