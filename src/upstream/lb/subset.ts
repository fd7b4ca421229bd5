/**
 * Hosts grouped by their `envoy.lb` metadata, with a balancer for each group that a selector asks
 * for: Envoy's SubsetLoadBalancer (source/extensions/load_balancing_policies/subset/subset_lb.cc).
 */

import type { envoy_extensions_load_balancing_policies_subset_v3_Subset } from "../../proto/mod.ts";
import type { Gauge } from "../../stats/mod.ts";
import type { LoadBalancerContext } from "../api.ts";
import { clusterStat } from "../cluster_stats.ts";
import type { UpstreamHost } from "../host.ts";
import type { HostSet } from "../host_set.ts";
import type { Balancer, BalancerOptions, LbPolicy, LbPolicyFactory } from "./policy.ts";
import { readSubsetConfig, type Selector, type SubsetConfig } from "./subset_config.ts";
import {
  type Criteria,
  criteriaOf,
  hasMetadata,
  type LbMetadata,
  reduceCriteria,
  subsetTexts,
} from "./subset_criteria.ts";

const STAT = {
  active: clusterStat("lb_subsets_active"),
  created: clusterStat("lb_subsets_created"),
  removed: clusterStat("lb_subsets_removed"),
  selected: clusterStat("lb_subsets_selected"),
  fallback: clusterStat("lb_subsets_fallback"),
  fallbackPanic: clusterStat("lb_subsets_fallback_panic"),
} as const;
const FALLBACK_LIST = "fallback_list";

/** Always the same host, well or not. */
class SingleHost implements Balancer {
  #host: UpstreamHost | undefined = undefined;

  refresh(sets: readonly HostSet[]): void {
    this.#host = sets.find((set) => set.hosts.length > 0)?.hosts[0];
  }

  chooseHost(): UpstreamHost | undefined {
    return this.#host;
  }
}

/** Indices of a subset's hosts, by priority. */
interface Members {
  readonly selector: Selector;
  readonly indices: number[][];
}

/** Balances each subset by itself; subsets come and go with the hosts' metadata. */
class SubsetBalancer implements Balancer {
  readonly #config: SubsetConfig;
  readonly #options: BalancerOptions;
  readonly #child: LbPolicy;
  readonly #subsets = new Map<string, Balancer>();
  readonly #any: Balancer;
  readonly #default: Balancer;
  readonly #fallback: Balancer | undefined;
  /** Hosts that single-host subsets leave out; known once a selector has such. */
  readonly #duplicates: Gauge | undefined;
  /** Routes' metadata never changes, so each is read once. */
  readonly #criteria = new WeakMap<LbMetadata, Criteria>();

  constructor(config: SubsetConfig, child: LbPolicy, options: BalancerOptions) {
    this.#config = config;
    this.#child = child;
    this.#options = {
      ...options,
      locality: {
        ...options.locality,
        usesWeights: options.locality.usesWeights && config.isLocalityWeightAware,
      },
    };
    this.#any = child.createBalancer(this.#options);
    this.#default = child.createBalancer(this.#options);
    this.#fallback = { none: undefined, any: this.#any, default: this.#default }[config.fallback];
    this.#duplicates = options.isMain && config.selectors.some((selector) => selector.isSingleHost)
      ? options.scope.gauge("lb_subsets_single_host_per_subset_duplicate")
      : undefined;
  }

  refresh(sets: readonly HostSet[]): void {
    const { defaultSubset, listAsAny } = this.#config;
    this.#any.refresh(sets);
    this.#default.refresh(sets.map((set) => {
      const wanted = [...set.hosts.keys()].filter((i) =>
        hasMetadata(lbMetadataOf(set.hosts[i]!), defaultSubset, listAsAny)
      );
      return this.#part(set, wanted);
    }));
    const found = this.#group(sets);
    for (const text of this.#subsets.keys()) {
      if (found.has(text)) continue;
      this.#subsets.delete(text);
      this.#options.stats.inc(STAT.removed);
      this.#options.stats.change(STAT.active, -1);
    }
    for (const [text, { selector, indices }] of found) {
      let subset = this.#subsets.get(text);
      if (subset === undefined) {
        subset = selector.isSingleHost
          ? new SingleHost()
          : this.#child.createBalancer(this.#options);
        this.#subsets.set(text, subset);
        this.#options.stats.inc(STAT.created);
        this.#options.stats.change(STAT.active, 1);
      }
      subset.refresh(sets.map((set, i) => this.#part(set, indices[i] ?? [])));
    }
  }

  refreshLocal(): void {
    this.#any.refreshLocal?.();
    this.#default.refreshLocal?.();
    for (const subset of this.#subsets.values()) subset.refreshLocal?.();
  }

  chooseHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    const metadata = context?.metadataMatch;
    if (metadata === undefined) return this.#fallBack(undefined, context);
    const list = this.#config.usesFallbackList ? metadata[FALLBACK_LIST] : undefined;
    if (!Array.isArray(list)) return this.#choose(this.#criteriaOf(metadata), context);
    const { [FALLBACK_LIST]: _, ...own } = metadata;
    if (list.length === 0) return this.#choose(criteriaOf(own), context);
    for (const other of list) {
      const host = this.#choose(criteriaOf({ ...own, ...other as LbMetadata }), context);
      if (host !== undefined) return host;
    }
    return undefined;
  }

  #choose(
    criteria: Criteria,
    context: LoadBalancerContext | undefined,
  ): UpstreamHost | undefined {
    const subset = this.#find(criteria);
    if (subset === undefined) return this.#fallBack(criteria, context);
    this.#options.stats.inc(STAT.selected);
    return subset.chooseHost(context);
  }

  #find(criteria: Criteria): Balancer | undefined {
    if (!this.#config.allowsRedundantKeys) return this.#subsets.get(criteria.text);
    for (const { keys } of this.#config.selectors) {
      if (!keys.every((key) => Object.hasOwn(criteria.metadata, key))) continue;
      const subset = this.#subsets.get(reduceCriteria(criteria, keys).text);
      if (subset !== undefined) return subset;
    }
    return undefined;
  }

  /** No subset fits: the selector with these keys may say what then, else the cluster does. */
  #fallBack(
    criteria: Criteria | undefined,
    context: LoadBalancerContext | undefined,
  ): UpstreamHost | undefined {
    const selector = criteria &&
      this.#config.selectors.find((s) => s.keysText === criteria.keysText);
    switch (selector?.fallback) {
      case "none":
        return undefined;
      case "any":
        return this.#any.chooseHost(context);
      case "default":
        return this.#default.chooseHost(context);
      case "keys":
        return this.#choose(reduceCriteria(criteria!, selector.fallbackKeys), context);
      case undefined:
        return this.#fallBackOfCluster(context);
    }
  }

  #fallBackOfCluster(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    if (this.#fallback === undefined) return undefined;
    const { stats } = this.#options;
    const host = this.#fallback.chooseHost(context);
    if (host !== undefined) {
      stats.inc(STAT.fallback);
      return host;
    }
    if (!this.#config.panicModeAny) return undefined;
    const any = this.#any.chooseHost(context);
    if (any !== undefined) stats.inc(STAT.fallbackPanic);
    return any;
  }

  #criteriaOf(metadata: LbMetadata): Criteria {
    let criteria = this.#criteria.get(metadata);
    if (criteria === undefined) {
      criteria = criteriaOf(metadata);
      this.#criteria.set(metadata, criteria);
    }
    return criteria;
  }

  /** All subsets that have hosts, by their texts; of two selectors with the same keys the first counts. */
  #group(sets: readonly HostSet[]): ReadonlyMap<string, Members> {
    const found = new Map<string, Members>();
    let duplicates = 0;
    for (const selector of this.#config.selectors) {
      sets.forEach((set, priority) =>
        set.hosts.forEach((host, index) => {
          const texts = subsetTexts(selector.keys, lbMetadataOf(host), this.#config.listAsAny);
          for (const text of texts) {
            let members = found.get(text);
            if (members === undefined) found.set(text, members = { selector, indices: [] });
            if (members.selector !== selector) continue;
            const indices = members.indices[priority] ??= [];
            if (selector.isSingleHost && indices.length > 0) duplicates++;
            else indices.push(index);
          }
        })
      );
    }
    this.#duplicates?.set(duplicates);
    return found;
  }

  #part(set: HostSet, indices: readonly number[]): HostSet {
    return set.picked(indices, this.#config.scalesLocalityWeight);
  }
}

function lbMetadataOf(host: UpstreamHost): LbMetadata | undefined {
  return host.metadata?.["envoy.lb"] as LbMetadata | undefined;
}

/** @param child balances each subset */
export function behindSubsets(config: SubsetConfig, child: LbPolicy): LbPolicy {
  return { createBalancer: (options) => new SubsetBalancer(config, child, options) };
}

export const subset: LbPolicyFactory = {
  name: "envoy.load_balancing_policies.subset",
  type: "envoy.extensions.load_balancing_policies.subset.v3.Subset",
  legacy: undefined,
  compile(message, context) {
    const config = message as envoy_extensions_load_balancing_policies_subset_v3_Subset;
    return behindSubsets(readSubsetConfig(config), context.compileChild(config.subsetLbPolicy));
  },
};
