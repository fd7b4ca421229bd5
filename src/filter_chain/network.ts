/**
 * Network filters: what stands on one downstream connection, in order; the last one is terminal
 * (HTTP connection manager, TCP proxy). Built by the listener once the filter chain is matched.
 */

import type { ConnectionInfo, StreamInfo } from "../http/mod.ts";
import type { CloseReason, Connection } from "../net/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { Scope } from "../stats/mod.ts";

/** Whether the next filter sees the connection or the bytes now. */
export type NetworkStatus = "continue" | "stop";

/** A filter of one connection's bytes. */
export interface NetworkFilter {
  /** The connection is ready (TLS handshake not yet done when `waitsForTls` is false). */
  onNewConnection(): NetworkStatus;
  /** Bytes from the downstream; `endStream` tells of its FIN. A filter that stops has copied what it needs. */
  onData(bytes: Uint8Array, endStream: boolean): NetworkStatus;
  /** The connection is gone; last call. */
  onClose(reason: CloseReason, details: string): void;
  onAboveWriteBufferHighWatermark?(): void;
  onBelowWriteBufferLowWatermark?(): void;
  /**
   * The listener drains: end kindly. `isEnding`: the process does, so that who is idle ends now and
   * what is under way is the last; may follow a call without.
   */
  startDrain?(isEnding: boolean): void;
}

/** What a network filter may use of its connection. */
export interface NetworkCallbacks {
  readonly connection: Connection;
  readonly info: ConnectionInfo;
  /** Stream info of the connection itself, for access logs of the listener and TCP proxy. */
  readonly streamInfo: StreamInfo;
  /** Goes on with the next filter after a "stop"; `bytes` are what the filter kept. */
  continueReading(bytes?: Uint8Array): void;
  /** Whether the listener drains already. */
  readonly isDraining: boolean;
  /** Tells the listener that the connection is idle (no streams), so that overload and drain may close it. */
  readonly waitsForTls: boolean;
}

/** What a network filter may know at compile time of the listener it serves. */
export interface ListenerFacts {
  /** Whether its traffic_direction is OUTBOUND. */
  readonly isOutbound?: boolean;
  /** `listener.<address or stat_prefix>`. */
  readonly scope: Scope;
}

/** A kind of network filter; one registry row. `Config` is compiled once per filter chain and thread. */
export interface NetworkFilterFactory<Config = unknown> {
  readonly name: string;
  /** Full name of the configuration message. */
  readonly type: string;
  readonly isTerminal: boolean;
  /** `listener` is absent where the filter is compiled only to be checked. */
  compile(message: object, context: CompileContext, listener?: ListenerFacts): Config;
  create(config: Config, callbacks: NetworkCallbacks): NetworkFilter;
}
