/** What a pool gets from its cluster. */

import type { Dispatcher } from "../../base/mod.ts";
import type { ClientConnectionCallbacks, ClientHttpConnection } from "../../http/mod.ts";
import type { Connection } from "../../net/mod.ts";
import type { ClusterFacts } from "../cluster_info.ts";
import type { UpstreamHost } from "../host.ts";
import type { UpstreamProtocolOptions } from "../protocol_options.ts";
import type { ConnectionLimits } from "./connection_limits.ts";

/** Protocol of a pool: fixed, or what ALPN says of each connection. */
export type PoolProtocol = "http1" | "http2" | "auto";

/** Makes the client codec of a connection. */
export type CodecFactory = (
  protocol: "http1" | "http2",
  connection: Connection,
  callbacks: ClientConnectionCallbacks,
) => ClientHttpConnection;

/** What all connections of one pool share. */
export interface PoolContext {
  readonly dispatcher: Dispatcher;
  readonly facts: ClusterFacts;
  readonly host: UpstreamHost;
  readonly options: UpstreamProtocolOptions;
  readonly protocol: PoolProtocol;
  readonly limits: ConnectionLimits;
  /** Streams to be provided for, to streams wanted (preconnect_policy); 1: no more than needed. */
  readonly preconnectRatio: number;
  /** Begins to connect, TLS included; events are set by the caller before anything can happen. */
  readonly connect: () => Connection;
  readonly createCodec: CodecFactory;
  /** The pool is empty and not to be used again; called once. */
  readonly onDeleted: () => void;
  /** The pool has neither connections nor requests left. */
  readonly onIdle: (() => void) | undefined;
}
