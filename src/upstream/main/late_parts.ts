/**
 * What only some configurations need of main's side: it is loaded before the first cluster that
 * needs it is added, for adding is synchronous. Checks bring the codecs and the formatter along, a
 * tenth of the process's start.
 */

import type { envoy_config_cluster_v3_Cluster } from "../../proto/mod.ts";
import { loadCodecs } from "../codecs.ts";

type HealthParts =
  & Pick<typeof import("../health/checker.ts"), "HealthChecker">
  & Pick<typeof import("../health/policy.ts"), "compileCheckPolicy">;
type DnsParts = Pick<typeof import("../dns/system_resolver.ts"), "SystemResolver">;

/** `Cluster.DiscoveryType.STATIC`. */
const STATIC = 0;

let health: HealthParts | undefined;
let dns: DnsParts | undefined;

/** Loads what these clusters need; to be awaited before they are added. */
export async function loadPartsFor(
  clusters: readonly envoy_config_cluster_v3_Cluster[],
): Promise<void> {
  const loads: Promise<void>[] = [];
  if (clusters.some(({ healthChecks }) => healthChecks.length > 0)) loads.push(loadHealth());
  if (clusters.some((cluster) => !isStatic(cluster))) loads.push(loadDns());
  await Promise.all(loads);
}

/** The parts of health checks; that nobody loaded them is our bug. */
export function healthParts(): HealthParts {
  if (health === undefined) throw new RangeError("loadPartsFor was not told of health checks");
  return health;
}

/** The parts of name resolution; that nobody loaded them is our bug. */
export function dnsParts(): DnsParts {
  if (dns === undefined) throw new RangeError("loadPartsFor was not told of clusters with names");
  return dns;
}

function isStatic({ clusterDiscoveryType: kind }: envoy_config_cluster_v3_Cluster): boolean {
  return kind.case === undefined || (kind.case === "type" && kind.value === STATIC);
}

async function loadHealth(): Promise<void> {
  const [{ HealthChecker }, { compileCheckPolicy }] = await Promise.all([
    import("../health/checker.ts"),
    import("../health/policy.ts"),
    loadCodecs(),
  ]);
  health = { HealthChecker, compileCheckPolicy };
}

async function loadDns(): Promise<void> {
  const { SystemResolver } = await import("../dns/system_resolver.ts");
  dns = { SystemResolver };
}
