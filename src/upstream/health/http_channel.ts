/** The connection of one host's HTTP checks: opened when needed, kept while it can be used. */

import type {
  ClientConnectionCallbacks,
  ClientHttpConnection,
  HeaderMap,
  RequestEncoder,
  ResponseDecoder,
} from "../../http/mod.ts";
import type { CloseReason, Connection, ConnectionEvents } from "../../net/mod.ts";
import type { ProbeHost } from "./probe.ts";

/** One answer as it comes. */
export interface ExchangeEvents {
  onHeaders(headers: HeaderMap, endStream: boolean): void;
  onData(bytes: Uint8Array, endStream: boolean): void;
  onTrailers(trailers: HeaderMap): void;
  /** The connection could not be made, or the stream ended early. */
  onBroken(): void;
}

export interface ChannelOptions {
  readonly protocol: "http1" | "http2";
  readonly alpn: readonly string[];
  readonly reuse: boolean;
}

/** Sends one request at a time; tells nothing of a request once it was dropped. */
export class HttpChannel implements ConnectionEvents, ClientConnectionCallbacks, ResponseDecoder {
  readonly #host: ProbeHost;
  readonly #options: ChannelOptions;
  readonly #events: ExchangeEvents;
  #connection: Connection | undefined;
  #codec: ClientHttpConnection | undefined;
  #encoder: RequestEncoder | undefined;
  #send: ((encoder: RequestEncoder) => void) | undefined;
  #isBusy = false;
  #mayReuse = true;

  constructor(host: ProbeHost, options: ChannelOptions, events: ExchangeEvents) {
    this.#host = host;
    this.#options = options;
    this.#events = events;
  }

  /** @param send writes the request once there is a connection */
  request(send: (encoder: RequestEncoder) => void): void {
    this.#isBusy = true;
    this.#send = send;
    if (this.#connection?.isClosing === true) this.#forget();
    if (this.#connection === undefined) {
      this.#mayReuse = true;
      this.#connection = this.#host.connect(this.#options.alpn);
      this.#connection.events = this;
    } else if (this.#codec !== undefined) this.#begin();
  }

  /** The answer is known, whole or in part. @param isComplete nothing of it is left to come */
  finish(isComplete: boolean): void {
    if (!this.#isBusy) return;
    this.#isBusy = false;
    const encoder = this.#encoder;
    this.#encoder = undefined;
    if (!isComplete) encoder?.reset("local_reset");
    const isOver = !this.#options.reuse || !this.#mayReuse || this.#codec?.isReusable !== true ||
      (!isComplete && this.#options.protocol === "http1");
    if (isOver) this.close();
  }

  /** Closes the connection, tells nothing. */
  close(): void {
    this.#isBusy = false;
    this.#encoder = undefined;
    const connection = this.#connection;
    this.#forget();
    connection?.close("no_flush");
  }

  // The connection's events.

  onConnected(): void {
    const { protocol } = this.#options;
    this.#codec = this.#host.createCodec(protocol, this.#connection!, this);
    if (this.#isBusy) this.#begin();
  }

  onData(bytes: Uint8Array): void {
    if (this.#codec?.dispatch(bytes) !== undefined) this.#break();
  }

  onEnd(): void {
    if (this.#codec?.onEnd() !== undefined || !this.#isBusy) this.#break();
  }

  onClose(_reason: CloseReason, _details: string): void {
    this.#break();
  }

  // The codec's news.

  onGoAway(): void {
    this.#mayReuse = false;
  }

  onMaxStreamsChanged(): void {}

  decode1xx(): void {}

  decodeHeaders(headers: HeaderMap, endStream: boolean): void {
    if (this.#isBusy) this.#events.onHeaders(headers, endStream);
  }

  decodeData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#isBusy) this.#events.onData(bytes, endStream);
  }

  decodeTrailers(trailers: HeaderMap): void {
    if (this.#isBusy) this.#events.onTrailers(trailers);
  }

  onReset(): void {
    this.#encoder = undefined;
    if (!this.#isBusy) return;
    this.#isBusy = false;
    if (!this.#options.reuse || this.#options.protocol === "http1") this.close();
    this.#events.onBroken();
  }

  onAboveWriteBufferHighWatermark(): void {}

  onBelowWriteBufferLowWatermark(): void {}

  #begin(): void {
    const send = this.#send!;
    this.#send = undefined;
    this.#encoder = this.#codec!.newStream(this);
    send(this.#encoder);
  }

  #break(): void {
    const wasBusy = this.#isBusy;
    this.close();
    if (wasBusy) this.#events.onBroken();
  }

  /** Late news of a connection that is let go reaches nobody. */
  #forget(): void {
    if (this.#connection !== undefined) this.#connection.events = SILENT;
    this.#connection = undefined;
    this.#codec = undefined;
    this.#send = undefined;
  }
}

const SILENT: ConnectionEvents = { onData() {}, onEnd() {}, onClose() {} };
