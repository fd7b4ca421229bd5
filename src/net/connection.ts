/**
 * One connection as the rest of denvoy sees it: plain or TLS, down or up, TCP or Unix, native
 * handles or the fallback. Everything is a synchronous callback inside a turn of the dispatcher
 * (the implementation opens and ends the turn); bytes are valid during the call only. Writes go
 * into `output` and leave at the end of the turn.
 */

import type { Address, OutputBuffer } from "../base/mod.ts";
import type { TlsInfo } from "../http/mod.ts";

/** How a connection came to its end. */
export type CloseReason =
  /** The peer closed (FIN, close_notify) and we followed, or it reset: see `details`. */
  | "remote_close"
  | "remote_reset"
  /** We closed. */
  | "local_close"
  /** connect() failed or timed out. */
  | "connect_failure"
  | "connect_timeout"
  /** The TLS handshake or a check of ours refused the peer; `transportFailureReason` tells why. */
  | "transport_failure";

/** How we end a connection. */
export type CloseKind =
  /** At once; what waits is dropped. */
  | "no_flush"
  /** After what waits is written. */
  | "flush_write"
  /**
   * After what waits is written: half-close, then linger for the peer's FIN up to
   * `delayedCloseTimeoutMs`, so that a last reply is not lost to a reset (Envoy's FlushWriteAndDelay).
   */
  | "flush_write_and_delay"
  /** RST. */
  | "reset";

/** What the owner of a connection is told. Replaced as a whole when the owner changes. */
export interface ConnectionEvents {
  onData(bytes: Uint8Array): void;
  /** The peer will send no more (FIN or close_notify); we may still write. */
  onEnd(): void;
  /** Exactly once, last. Not called from within `close()` of the same turn's stack but deferred to its end. */
  onClose(reason: CloseReason, details: string): void;
  /** Upstream: connected, TLS handshake included. Downstream: TLS handshake done. */
  onConnected?(): void;
  /** `output` and what is in flight crossed `bufferLimitBytes` / fell to half of it. */
  onAboveWriteBufferHighWatermark?(): void;
  onBelowWriteBufferLowWatermark?(): void;
}

/** A connection as filters and codecs use it; what happens to it goes to its events. */
export interface Connection {
  /** Unique in the process. */
  readonly id: number;
  events: ConnectionEvents;
  /** Bytes to write; a write into it asks for a flush at the end of the turn. */
  readonly output: OutputBuffer;
  /** Bytes that wait: `output` and the write in flight. */
  readonly pendingBytes: number;
  /** High watermark in bytes; 0: no limit. */
  bufferLimitBytes: number;
  delayedCloseTimeoutMs: number;
  /** Counted: reading stops while any user asks for it. Nothing arrives while paused, not even FIN. */
  readDisable(disable: boolean): void;
  readonly isReadDisabled: boolean;
  /** Sends FIN (or close_notify and FIN) after what waits; reading goes on. */
  endWrite(): void;
  close(kind: CloseKind, details?: string): void;
  readonly isClosed: boolean;
  /** Whether a close is under way or done: no more requests, writes are dropped. */
  readonly isClosing: boolean;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** TLS facts once the handshake is done; undefined on plain connections. */
  readonly tls: TlsInfo | undefined;
  /** ALPN protocol that was agreed, "" if none. */
  readonly alpn: string;
  /** Why TLS failed, "" if it did not: Envoy's words as `TLS_error:|…:TLS_error_end`. */
  readonly transportFailureReason: string;
  /** Monotonic milliseconds of the dispatcher's clock. */
  nowMs(): number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}
