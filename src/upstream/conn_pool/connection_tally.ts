/** What every upstream connection counts for its cluster, its host and their limits. */

import type { CloseReason, Connection } from "../../net/mod.ts";
import type { ClusterFacts } from "../cluster_info.ts";
import type { UpstreamHost } from "../host.ts";
import { HOST_STAT } from "../host_memory.ts";
import type { ConnectionLimits } from "./connection_limits.ts";
import { POOL_STAT } from "./pool_stats.ts";

/** The part of a pool's context that is counted on. */
export interface TallyContext {
  readonly facts: ClusterFacts;
  readonly host: UpstreamHost;
  readonly limits: ConnectionLimits;
}

/** Raises and lowers the stats of one connection that the limits have granted, to its close. */
export class ConnectionTally {
  readonly #context: TallyContext;
  #countedSent = 0;

  constructor(context: TallyContext) {
    this.#context = context;
    const { facts, host } = context;
    facts.stats.inc(POOL_STAT.cxTotal);
    facts.stats.change(POOL_STAT.cxActive, 1);
    host.stats.inc(HOST_STAT.cxTotal);
    host.stats.change(HOST_STAT.cxActive, 1);
  }

  streamStarted(): void {
    const { facts, host } = this.#context;
    host.activeRequests++;
    host.stats.inc(HOST_STAT.rqTotal);
    host.stats.change(HOST_STAT.rqActive, 1);
    facts.stats.inc(POOL_STAT.rqTotal);
    facts.stats.change(POOL_STAT.rqActive, 1);
  }

  /** The unit of the breaker that the stream held goes back too. */
  streamEnded(): void {
    const { facts, host, limits } = this.#context;
    host.activeRequests--;
    host.stats.change(HOST_STAT.rqActive, -1);
    facts.stats.change(POOL_STAT.rqActive, -1);
    limits.breaker.releaseRequest();
  }

  received(bytes: number): void {
    this.#context.facts.stats.add(POOL_STAT.cxRxBytes, bytes);
  }

  /** Brings the bytes sent up to date; cheap enough for the end of each stream. */
  sent(connection: Connection): void {
    const { bytesSent } = connection;
    this.#context.facts.stats.add(POOL_STAT.cxTxBytes, bytesSent - this.#countedSent);
    this.#countedSent = bytesSent;
  }

  /** @param wasConnecting the connection was never made */
  closed(
    connection: Connection,
    how: {
      readonly isLocal: boolean;
      readonly hadStreams: boolean;
      readonly wasConnecting: boolean;
    },
  ): void {
    const { facts, host, limits } = this.#context;
    const { stats } = facts;
    this.sent(connection);
    limits.release(host);
    stats.change(POOL_STAT.cxActive, -1);
    host.stats.change(HOST_STAT.cxActive, -1);
    stats.inc(POOL_STAT.cxDestroy);
    stats.inc(how.isLocal ? POOL_STAT.cxDestroyLocal : POOL_STAT.cxDestroyRemote);
    if (how.hadStreams) {
      stats.inc(POOL_STAT.cxDestroyWithActive);
      stats.inc(
        how.isLocal ? POOL_STAT.cxDestroyLocalWithActive : POOL_STAT.cxDestroyRemoteWithActive,
      );
    }
    if (!how.wasConnecting) return;
    stats.inc(POOL_STAT.cxConnectFail);
    host.stats.inc(HOST_STAT.cxConnectFail);
  }
}

/** Whether the end of a connection was our doing. */
export function isLocalClose(reason: CloseReason): boolean {
  return reason === "local_close" || reason === "connect_timeout";
}
