/** The upstream connection's events, told apart from the downstream's by an object of their own. */

import type { CloseReason, Connection, ConnectionEvents } from "../../net/mod.ts";

/** What bytes go to: a connection, or an HTTP stream that carries one. */
export type TcpUpstream =
  & Pick<Connection, "events" | "isClosed" | "bytesReceived" | "bytesSent">
  & Pick<Connection, "readDisable" | "endWrite" | "close">
  & { readonly output: Pick<Connection["output"], "writeBytes"> };

/** What the TCP proxy is told of its upstream connection. */
export interface UpstreamSide {
  /** Bytes, valid during the call only. */
  relay(bytes: Uint8Array): void;
  /** The upstream sends no more. */
  upstreamEnded(): void;
  upstreamClosed(reason: CloseReason): void;
  /** The upstream does not keep up, or does again. */
  pauseFromUpstream(pause: boolean): void;
}

/** Hands the events of one upstream connection to its proxy. */
export class UpstreamEvents implements ConnectionEvents {
  readonly #side: UpstreamSide;

  constructor(side: UpstreamSide) {
    this.#side = side;
  }

  onData(bytes: Uint8Array): void {
    this.#side.relay(bytes);
  }

  onEnd(): void {
    this.#side.upstreamEnded();
  }

  onClose(reason: CloseReason): void {
    this.#side.upstreamClosed(reason);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.#side.pauseFromUpstream(true);
  }

  onBelowWriteBufferLowWatermark(): void {
    this.#side.pauseFromUpstream(false);
  }
}
