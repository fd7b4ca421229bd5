/** What Envoy checks at load beyond single messages, over a whole bootstrap. */

import type { Problems } from "../../base/mod.ts";
import type { envoy_config_bootstrap_v3_Bootstrap } from "../../proto/mod.ts";
import type { Decoder } from "../decoder.ts";
import { childMessages } from "../rules/message_rules.ts";
import type { PlainMessage } from "../well_known_values.ts";
import { CLUSTER_CHECKS } from "./clusters.ts";
import type { SemanticContext } from "./context.ts";
import { CONNECTION_MANAGER_CHECKS } from "./connection_manager.ts";
import { DISCOVERY_CHECKS } from "./discovery.ts";
import { DYNAMIC_FORWARD_PROXY_CHECKS } from "./dynamic_forward_proxy.ts";
import { checkExtensions } from "./extensions.ts";
import { FILE_CHECKS } from "./files.ts";
import { FILTER_ORDER_CHECKS } from "./filter_order.ts";
import { LISTENER_CHECKS } from "./listeners.ts";
import { PER_ROUTE_CHECKS } from "./per_route.ts";
import { ROUTE_CHECKS } from "./routes.ts";
import { RUNTIME_CHECKS } from "./runtime_layers.ts";
import { TLS_CHECKS } from "./tls.ts";
import { UPSTREAM_BIND_CHECKS } from "./upstream_bind.ts";

type AnyCheck = (message: PlainMessage, context: SemanticContext) => void;

const GROUPS = [
  CLUSTER_CHECKS,
  CONNECTION_MANAGER_CHECKS,
  DISCOVERY_CHECKS,
  DYNAMIC_FORWARD_PROXY_CHECKS,
  FILE_CHECKS,
  FILTER_ORDER_CHECKS,
  LISTENER_CHECKS,
  PER_ROUTE_CHECKS,
  ROUTE_CHECKS,
  RUNTIME_CHECKS,
  TLS_CHECKS,
  UPSTREAM_BIND_CHECKS,
] as unknown as readonly Readonly<Record<string, AnyCheck>>[];

const NO_CHECKS: readonly AnyCheck[] = [];

/** All checks by message type. */
const CHECKS: ReadonlyMap<string, readonly AnyCheck[]> = checksByType();

function checksByType(): Map<string, AnyCheck[]> {
  const found = new Map<string, AnyCheck[]>();
  for (const group of GROUPS) {
    for (const [type, check] of Object.entries(group)) {
      const checks = found.get(type);
      if (checks === undefined) found.set(type, [check]);
      else checks.push(check);
    }
  }
  return found;
}

/** Runtime keys that the static layers set to true. */
function allowedFeatures(bootstrap: envoy_config_bootstrap_v3_Bootstrap): ReadonlySet<string> {
  const allowed = new Set<string>();
  for (const { layerSpecifier } of bootstrap.layeredRuntime?.layers ?? []) {
    if (layerSpecifier.case !== "staticLayer") continue;
    for (const [key, value] of Object.entries(layerSpecifier.value)) {
      if (value === true || value === "true") allowed.add(key);
    }
  }
  return allowed;
}

/** Reports every fault. */
export function checkSemantics(
  bootstrap: envoy_config_bootstrap_v3_Bootstrap,
  decoder: Decoder,
  problems: Problems,
): void {
  const root = bootstrap as unknown as PlainMessage;
  decoder.deprecated.check(root, problems, allowedFeatures(bootstrap));
  checkExtensions(root, decoder, problems);
  walk(root, {
    decoder,
    problems,
    clusters: new Set(bootstrap.staticResources?.clusters.map((cluster) => cluster.name)),
    dnsCaches: new Map(),
    hasNode: (bootstrap.node?.id ?? "") !== "" && (bootstrap.node?.cluster ?? "") !== "",
  });
}

function walk(message: PlainMessage, context: SemanticContext): void {
  const type = context.decoder.registry.getMessage(message.$typeName);
  if (type === undefined) return;
  const checks = CHECKS.get(type.typeName);
  for (const check of checks ?? NO_CHECKS) check(message, context);
  for (const field of type.messageFields) {
    for (const child of childMessages(message, field)) {
      if (typeof child === "object" && child !== null) walk(child, context);
    }
  }
}
