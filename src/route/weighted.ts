/** The choice among weighted clusters: by the stream's random value, a header or the hash policies. */

import type { HeaderMap, StreamInfo } from "../http/mod.ts";
import { headerName } from "../matching/mod.ts";
import type {
  envoy_config_route_v3_WeightedCluster,
  envoy_config_route_v3_WeightedCluster_ClusterWeight,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { requestHash } from "./hash_policy.ts";
import type { HashPolicy } from "./route.ts";

const MAX_UINT32 = 0xffffffff;

/** Reports weights and names that Envoy refuses. */
export function checkWeights(
  message: envoy_config_route_v3_WeightedCluster,
  context: CompileContext,
): void {
  const { problems } = context;
  let total = 0;
  for (const cluster of message.clusters) {
    total += cluster.weight ?? 0;
    if (cluster.name === "" && cluster.clusterHeader === "") {
      problems.error(
        cluster,
        "name",
        "At least one of name or cluster_header need to be specified",
      );
    } else if (cluster.name !== "" && cluster.clusterHeader !== "") {
      problems.error(cluster, "name", "Only one of name or cluster_header can be specified");
    }
  }
  if (total === 0) {
    problems.error(
      message,
      "clusters",
      "Sum of weights in the weighted_cluster must be greater than 0.",
    );
  } else if (total > MAX_UINT32) {
    const text = `The sum of weights of all weighted clusters of route exceeds ${MAX_UINT32}`;
    problems.error(message, "clusters", text);
  }
}

/** Picks an index into the clusters; one in `except` only if no other has a weight. */
export type WeightedChoice = (
  headers: HeaderMap,
  info: StreamInfo,
  random: number,
  except?: ReadonlySet<number>,
) => number;

/**
 * How an index into the clusters is drawn; weights may come from the runtime and are read at each
 * call.
 */
export function compileWeightedChoice(
  message: envoy_config_route_v3_WeightedCluster,
  hashPolicies: readonly HashPolicy[],
  context: CompileContext,
): WeightedChoice {
  const weights = compileWeights(message, context);
  const specifier = message.randomValueSpecifier;
  if (specifier.case === "headerName") {
    const name = headerName(specifier.value);
    return (headers, _info, random, except) => {
      const given = parseUint64(headers.get(name));
      return pick(without(weights(), except), given ?? random);
    };
  }
  if (specifier.case === "useHashPolicy" && specifier.value.value) {
    return (headers, info, random, except) =>
      pick(without(weights(), except), requestHash(hashPolicies, headers, info) ?? random);
  }
  return (_headers, _info, random, except) => pick(without(weights(), except), random);
}

/** Only retries except clusters: what all others use is not copied. */
function without(
  weights: readonly number[],
  except: ReadonlySet<number> | undefined,
): readonly number[] {
  if (except === undefined) return weights;
  const left = weights.map((weight, i) => except.has(i) ? 0 : weight);
  return left.some((weight) => weight > 0) ? left : weights;
}

/** Weights as they are now: the runtime may change them one by one. */
function compileWeights(
  message: envoy_config_route_v3_WeightedCluster,
  context: CompileContext,
): () => readonly number[] {
  const configured = message.clusters.map((cluster) => cluster.weight ?? 0);
  if (message.runtimeKeyPrefix === "") return () => configured;
  const keys = message.clusters.map((cluster) => runtimeKey(message.runtimeKeyPrefix, cluster));
  const { runtime } = context;
  const now = [...configured];
  return () => {
    for (let i = 0; i < keys.length; i++) {
      now[i] = Math.max(0, Math.trunc(runtime.number(keys[i]!, configured[i]!)));
    }
    return now;
  };
}

function runtimeKey(
  prefix: string,
  cluster: envoy_config_route_v3_WeightedCluster_ClusterWeight,
): string {
  return `${prefix}.${cluster.name}`;
}

function pick(weights: readonly number[], value: number | bigint): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i]!;
  // All weights zeroed by the runtime: the first one serves, as nothing may be divided by zero.
  if (total === 0) return 0;
  const selected = typeof value === "number" ? value % total : Number(value % BigInt(total));
  let end = 0;
  for (let i = 0; i < weights.length; i++) {
    end += weights[i]!;
    if (selected < end) return i;
  }
  return weights.length - 1;
}

/** An unsigned 64-bit number in decimal; undefined if the text is none. */
function parseUint64(text: string | undefined): number | bigint | undefined {
  if (text === undefined || text.length === 0 || text.length > 20) return undefined;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return undefined;
  }
  if (text.length <= 15) return Number(text);
  const wide = BigInt(text);
  return wide < 1n << 64n ? wide : undefined;
}
