/**
 * One stream of either side: what its user acts on, and the numbers that the session and the
 * sender keep for it. It holds no logic of the connection; that is its owner's.
 */

import type {
  HeaderMap,
  RequestDecoder,
  RequestEncoder,
  ResetReason,
  ResponseDecoder,
  ResponseEncoder,
} from "../../http/mod.ts";
import { ReceiveWindow, SendWindow } from "./flow_window.ts";
import { PendingData } from "./pending_data.ts";
import type { StreamState } from "./stream_state.ts";

/** What a stream asks of its connection. */
export interface StreamOwner {
  encode1xx(stream: Http2Stream, headers: HeaderMap): void;
  encodeHeaders(stream: Http2Stream, headers: HeaderMap, endStream: boolean): string | undefined;
  encodeData(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): void;
  encodeTrailers(stream: Http2Stream, trailers: HeaderMap): void;
  resetByUser(stream: Http2Stream, reason: ResetReason): void;
  /** The user takes data again; `withheldBytes` may be given back. */
  resumeStream(stream: Http2Stream): void;
  readonly streamErrorOnInvalidMessage: boolean;
}

/** Windows of a new stream, in bytes. */
export interface StreamWindows {
  readonly send: number;
  readonly receive: number;
}

/**
 * A stream as its user writes to it, pauses it and resets it; both directions' state and counts in
 * bytes.
 */
export class Http2Stream implements ResponseEncoder, RequestEncoder {
  readonly #owner: StreamOwner;

  // Kept by the session.

  /** 0 until a client's stream sends its headers. */
  id = 0;
  state: StreamState = "idle";
  /** Undefined once the user must not be called any more. */
  decoder: RequestDecoder | ResponseDecoder | undefined;
  /** A response-code detail that tells why the stream ended; the first one stays. */
  details = "";
  readonly receiveWindow: ReceiveWindow;
  /** Bytes handed on while the user paused us: no WINDOW_UPDATE for them yet. */
  withheldBytes = 0;
  /** The content-length received, -1 if none has to hold. */
  expectedBytes = -1;
  /** Body bytes received. */
  bodyBytes = 0;
  /** The final (not 1xx) header block has come. */
  hasHeaders = false;
  /** Our final header block is out. */
  hasSentHeaders = false;
  /** Client: the response to HEAD has no body, whatever its content-length. */
  isHead = false;
  /** Token of the upgrade that this extended CONNECT stands for, "" if none. */
  upgrade = "";
  openedMs = 0;

  // Kept by the sender.

  sendWindow: SendWindow;
  /** Body bytes that wait for a window; undefined while none ever did. */
  pending: PendingData | undefined;
  pendingTrailers: HeaderMap | undefined;
  /** The user has sent its last piece; it may wait here still. */
  isLocalEndQueued = false;
  /** Whether the stream stands in line for the connection's window. */
  isInLine = false;
  /** Whether `pending` is over its limit. */
  isOverLimit = false;
  /** When bytes last left for the peer, so that one that never reads can be told. */
  progressMs = 0;
  /** Error code to reset with once all is sent, -1 for none. */
  deferredReset = -1;

  wireBytesReceived = 0;
  wireBytesSent = 0;
  headerBytesReceived = 0;
  headerBytesSent = 0;

  #readDisables = 0;
  /** Reasons for the user to stop: the own limit and the connection's. */
  #highWatermarks = 0;

  constructor(owner: StreamOwner, windows: StreamWindows) {
    this.#owner = owner;
    this.sendWindow = new SendWindow(windows.send);
    this.receiveWindow = new ReceiveWindow(windows.receive);
  }

  get streamId(): number | undefined {
    return this.id === 0 ? undefined : this.id;
  }

  get bufferedBytes(): number {
    return this.pending === undefined ? 0 : this.pending.length;
  }

  get isReadDisabled(): boolean {
    return this.#readDisables > 0;
  }

  get streamErrorOnInvalidMessage(): boolean {
    return this.#owner.streamErrorOnInvalidMessage;
  }

  /** Whether the peer has sent all of its message. */
  get hasReceivedEnd(): boolean {
    return this.state === "half_remote" || this.state === "closed";
  }

  /** Whether bytes or trailers wait for a window. */
  get hasPending(): boolean {
    return this.bufferedBytes > 0 || this.pendingTrailers !== undefined;
  }

  encode1xx(headers: HeaderMap): void {
    this.#owner.encode1xx(this, headers);
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): string | undefined {
    return this.#owner.encodeHeaders(this, headers, endStream);
  }

  encodeData(bytes: Uint8Array, endStream: boolean): void {
    this.#owner.encodeData(this, bytes, endStream);
  }

  encodeTrailers(trailers: HeaderMap): void {
    this.#owner.encodeTrailers(this, trailers);
  }

  /** Nothing to do: DATA frames carry a tunnel as they carry a body. */
  enableTcpTunneling(): void {}

  reset(reason: ResetReason): void {
    this.#owner.resetByUser(this, reason);
  }

  readDisable(disable: boolean): void {
    if (disable) {
      this.#readDisables++;
    } else if (this.#readDisables > 0 && --this.#readDisables === 0 && this.withheldBytes > 0) {
      this.#owner.resumeStream(this);
    }
  }

  /** Gives the stream its user, who may have to wait at once. */
  attach(decoder: RequestDecoder | ResponseDecoder): void {
    this.decoder = decoder;
    if (this.#highWatermarks > 0) decoder.onAboveWriteBufferHighWatermark();
  }

  /** Adds a reason for the user to stop writing. */
  raiseWatermark(): void {
    if (this.#highWatermarks++ === 0) this.decoder?.onAboveWriteBufferHighWatermark();
  }

  /** Takes one away. */
  lowerWatermark(): void {
    if (this.#highWatermarks > 0 && --this.#highWatermarks === 0) {
      this.decoder?.onBelowWriteBufferLowWatermark();
    }
  }

  /** Takes the user off the stream; `onReset` may be called on it after that only. */
  takeDecoder(): RequestDecoder | ResponseDecoder | undefined {
    const decoder = this.decoder;
    this.decoder = undefined;
    return decoder;
  }
}
