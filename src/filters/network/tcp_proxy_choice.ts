/** Where one connection goes: its cluster, and what the balancer may look at of it. */

import { xxHash64 } from "../../base/mod.ts";
import type { StreamInfo } from "../../http/mod.ts";
import type { Host, LoadBalancerContext, PoolFailureReason } from "../../upstream/mod.ts";
import {
  mergeMetadata,
  type MetadataMatch,
  type TcpProxyConfig,
  type TcpTarget,
} from "./tcp_proxy_config.ts";
import { stateText, TCP_CLUSTER } from "./tcp_proxy_state.ts";

/** HTTP statuses that outlier detection counts them as. */
const CONNECT_FAILED = 503;
const CONNECT_TIMED_OUT = 504;

/** The cluster that filter state names, or the configured one, weighted by a draw for each connection. */
export function chooseTarget(config: TcpProxyConfig, info: StreamInfo): TcpTarget {
  const { targets, totalWeight, metadataMatch, context } = config;
  const named = stateText(info, TCP_CLUSTER);
  if (named !== undefined) return { name: named, weight: 1, metadataMatch };
  if (targets.length === 1) return targets[0]!;
  let at = context.dispatcher.random.below(totalWeight);
  for (const target of targets) {
    if (at < target.weight) return target;
    at -= target.weight;
  }
  return targets.at(-1)!;
}

/** The balancer's view of one TCP connection: its hash and the metadata it wants. */
export class TcpHostChoice implements LoadBalancerContext {
  readonly requestHeaders = undefined;
  readonly hostSelectionRetryCount = 1;
  readonly streamInfo: StreamInfo;
  readonly #config: TcpProxyConfig;
  readonly #target: TcpTarget;

  constructor(config: TcpProxyConfig, target: TcpTarget, info: StreamInfo) {
    this.#config = config;
    this.#target = target;
    this.streamInfo = info;
  }

  /** Dynamic metadata under `envoy.lb` wins over the configured. */
  get metadataMatch(): MetadataMatch {
    return mergeMetadata(this.#target.metadataMatch, this.streamInfo.dynamicMetadata?.["envoy.lb"]);
  }

  shouldSelectAnotherHost(): boolean {
    return false;
  }

  hash(): bigint | undefined {
    const { hashPolicy } = this.#config;
    switch (hashPolicy?.kind) {
      case "source_ip": {
        const { remoteAddress } = this.streamInfo.connection;
        return remoteAddress.kind === "ip" ? xxHash64(remoteAddress.host) : undefined;
      }
      case "filter_state": {
        const text = stateText(this.streamInfo, hashPolicy.key);
        return text === undefined ? undefined : xxHash64(text);
      }
      case undefined:
        return undefined;
    }
  }
}

/** What a failed attempt tells of its host; limits and errors of this machine tell nothing. */
export function judgeFailure(host: Host, reason: PoolFailureReason): void {
  if (reason === "remote_connection_failure") host.monitor?.putLocalFailure(CONNECT_FAILED);
  else if (reason === "timeout") host.monitor?.putLocalFailure(CONNECT_TIMED_OUT);
}
