/** Which filter chain serves a request that wants its connection for another protocol. */

import type { FilterChain } from "../filter_chain/mod.ts";
import { H, type HeaderMap } from "../http/mod.ts";
import type { Route } from "../route/mod.ts";

/** One entry of upgrade_configs, under its type in lower case. */
export interface UpgradeRule {
  readonly isEnabled: boolean;
  /** Its own filters; undefined: those of the manager. */
  readonly chain: FilterChain | undefined;
}

export interface UpgradeOptions {
  readonly chain: FilterChain;
  readonly upgrades: ReadonlyMap<string, UpgradeRule>;
}

/** The protocol asked for, in lower case: what `upgrade` says, or `connect`; undefined if none. */
export function upgradeTypeOf(headers: HeaderMap): string | undefined {
  const upgrade = headers.getId(H.upgrade);
  if (upgrade !== undefined) return upgrade.toLowerCase();
  return headers.getId(H.method) === "CONNECT" ? "connect" : undefined;
}

/** The chain for an upgrade; undefined if neither route nor manager allows it. */
export function chooseUpgradeChain(
  type: string,
  options: UpgradeOptions,
  route: Route | undefined,
): FilterChain | undefined {
  const byRoute = route?.action.kind === "route" ? route.action.upgradeEnabled(type) : undefined;
  if (byRoute === false) return undefined;
  const rule = options.upgrades.get(type);
  if (rule?.isEnabled !== true && byRoute !== true) return undefined;
  return rule?.chain ?? options.chain;
}
