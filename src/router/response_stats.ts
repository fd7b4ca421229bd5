/**
 * Counters of responses beyond the cluster's own trees: of virtual clusters
 * (`vhost.<vh>.vcluster.<vc>.…`), routes with a stat_prefix (`vhost.<vh>.route.<prefix>.…`) and
 * retried responses. Those names come from configuration, so the caches are bounded by it; the
 * names that internal requests give (`x-envoy-upstream-alt-stat-name`) have a bound of their own.
 */

import { sanitizeStatName, type Scope, type StatGroup, statTemplate } from "../stats/mod.ts";
import { CodeTree, ResponseCodes } from "../upstream/mod.ts";

const TEMPLATE = statTemplate(
  `upstream_rq_retry upstream_rq_retry_limit_exceeded upstream_rq_retry_overflow
upstream_rq_retry_success upstream_rq_timeout upstream_rq_total`,
);
const STAT = { retry: 0, limitExceeded: 1, overflow: 2, success: 3, timeout: 4, total: 5 } as const;

/** Trees a thread makes for names that requests give; later names are not counted. */
const MAX_ALT_TREES = 256;

/** The counters of one virtual cluster or route. */
export class RequestTreeStats {
  readonly codes: CodeTree;
  readonly #group: StatGroup;

  constructor(scope: Scope) {
    this.codes = new CodeTree(scope);
    this.#group = scope.group(TEMPLATE);
  }

  countRetry(event: "retry" | "success" | "overflow" | "limitExceeded"): void {
    this.#group.inc(STAT[event]);
  }

  countTimeout(): void {
    this.#group.inc(STAT.timeout);
  }

  countTotal(): void {
    this.#group.inc(STAT.total);
  }
}

/** Trees of one cluster that its facts do not keep. */
export interface ClusterTrees {
  /** `retry.upstream_rq_<code>`: responses that were thrown away for a retry. */
  readonly retry: CodeTree;
  readonly plain: CodeTree;
  readonly internal: CodeTree;
  readonly external: CodeTree;
  readonly canary: CodeTree;
}

/** Trees by name, made when first used. */
export class ResponseStats {
  readonly #root: Scope;
  readonly #requests = new Map<string, RequestTreeStats>();
  readonly #clusters = new Map<string, ClusterTrees>();
  readonly #alternatives = new Map<string, ResponseCodes>();

  constructor(root: Scope) {
    this.#root = root;
  }

  /** @param prefix of a virtual cluster or a route */
  requestTree(prefix: string): RequestTreeStats {
    let tree = this.#requests.get(prefix);
    if (tree === undefined) {
      tree = new RequestTreeStats(this.#root.scope(prefix));
      this.#requests.set(prefix, tree);
    }
    return tree;
  }

  /**
   * `cluster.<name>.<alternative>.upstream_rq_<code>`; undefined once there are too many.
   * @param statName of the cluster
   */
  alternative(statName: string, name: string): ResponseCodes | undefined {
    const prefix = `${statName}.${sanitizeStatName(name)}`;
    let codes = this.#alternatives.get(prefix);
    if (codes === undefined && this.#alternatives.size < MAX_ALT_TREES) {
      codes = new ResponseCodes(this.#root.scope("cluster").scope(prefix));
      this.#alternatives.set(prefix, codes);
    }
    return codes;
  }

  /** @param statName of the cluster */
  clusterTrees(statName: string): ClusterTrees {
    let trees = this.#clusters.get(statName);
    if (trees === undefined) {
      const scope = this.#root.scope("cluster").scope(statName);
      trees = {
        retry: new CodeTree(scope.scope("retry")),
        plain: new CodeTree(scope),
        internal: new CodeTree(scope.scope("internal")),
        external: new CodeTree(scope.scope("external")),
        canary: new CodeTree(scope.scope("canary")),
      };
      this.#clusters.set(statName, trees);
    }
    return trees;
  }
}
