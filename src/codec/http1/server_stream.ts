/** One request and its response on a server connection, as the connection manager acts on it. */

import {
  type HeaderMap,
  type RequestDecoder,
  type ResetReason,
  type ResponseEncoder,
  statusOf,
} from "../../http/mod.ts";
import type { CodecTransport, Http1Options } from "../options.ts";
import { type BodyWriter, EMPTY } from "./body_writer.ts";
import type { HeadWriter } from "./head_writer.ts";
import { writeInterimHead, writeResponseHead, type WrittenHead } from "./response_head.ts";

/** What a stream needs of its connection. */
export interface ServerStreamOwner {
  readonly transport: CodecTransport;
  readonly options: Http1Options;
  readonly headWriter: HeadWriter;
  readonly bodyWriter: BodyWriter;
  /** The response is written; the stream detaches itself from its owner. */
  onResponseComplete(stream: Http1ServerStream): void;
  onStreamReset(stream: Http1ServerStream): void;
}

/** The encoder of one response; its owner, the connection, learns when it is complete or reset. */
export class Http1ServerStream implements ResponseEncoder {
  readonly streamId = undefined;
  readonly streamErrorOnInvalidMessage: boolean;
  wireBytesReceived = 0;
  wireBytesSent = 0;
  headerBytesReceived = 0;
  headerBytesSent = 0;
  /** Facts of the request; the connection fills them in once its head was read. */
  isHead = false;
  isConnect = false;
  isUpgrade = false;
  isHttp10 = false;
  keepAlive = true;
  isRequestComplete = false;
  /** Set from `newStream` on. */
  decoder: RequestDecoder | undefined = undefined;
  /** Whether the user was told of the high watermark and waits for the low one. */
  isAboveHighWatermark = false;
  #owner: ServerStreamOwner | undefined;
  readonly #head: WrittenHead = { framing: "none", length: 0, bytes: 0 };
  #isHeadWritten = false;
  #pauses = 0;

  constructor(owner: ServerStreamOwner) {
    this.#owner = owner;
    this.streamErrorOnInvalidMessage = owner.options.streamErrorOnInvalidMessage;
  }

  get bufferedBytes(): number {
    return this.#owner === undefined ? 0 : this.#owner.transport.output.length;
  }

  encode1xx(headers: HeaderMap): void {
    const owner = this.#owner;
    // An HTTP/1.0 client knows no interim responses (RFC 9110 §15.2).
    if (owner === undefined || this.#isHeadWritten || this.isHttp10) return;
    const bytes = writeInterimHead(
      owner.headWriter,
      headers,
      statusOf(headers),
      owner.options.headerCase,
    );
    this.wireBytesSent += bytes;
    this.headerBytesSent += bytes;
  }

  /** @throws {RangeError} if there is no `:status`, or the head was written before: our bug */
  encodeHeaders(headers: HeaderMap, endStream: boolean): void {
    const owner = this.#owner;
    if (owner === undefined) return;
    const status = statusOf(headers);
    if (status === 0 || this.#isHeadWritten) {
      throw new RangeError(`Response head with status ${status} is out of place`);
    }
    this.#isHeadWritten = true;
    const head = this.#head;
    writeResponseHead(
      owner.headWriter,
      headers,
      { status, endStream },
      this,
      owner.options.headerCase,
      head,
    );
    this.wireBytesSent += head.bytes;
    this.headerBytesSent += head.bytes;
    owner.bodyWriter.begin(head.framing, head.length);
    if (!endStream) return;
    if (head.framing === "length" && head.length > 0) owner.bodyWriter.isBroken = true;
    this.#complete(owner);
  }

  encodeData(bytes: Uint8Array, endStream: boolean): void {
    const owner = this.#owner;
    if (owner === undefined) return;
    this.wireBytesSent += owner.bodyWriter.write(owner.transport.output, bytes, endStream);
    if (endStream) this.#complete(owner);
  }

  encodeTrailers(trailers: HeaderMap): void {
    const owner = this.#owner;
    if (owner === undefined) return;
    const { transport, options } = owner;
    this.wireBytesSent += owner.bodyWriter.writeTrailers(
      transport.output,
      trailers,
      options.enableTrailers,
    );
    this.#complete(owner);
  }

  reset(_reason: ResetReason): void {
    const owner = this.#owner;
    if (owner === undefined) return;
    this.detach();
    owner.onStreamReset(this);
  }

  readDisable(disable: boolean): void {
    if (this.#owner === undefined) return;
    this.#pauses += disable ? 1 : -1;
    this.#owner.transport.readDisable(disable);
  }

  /** Ends the stream's hold on the connection; calls that come later do nothing. */
  detach(): void {
    const owner = this.#owner;
    this.#owner = undefined;
    if (owner === undefined) return;
    for (; this.#pauses > 0; this.#pauses--) owner.transport.readDisable(false);
  }

  #complete(owner: ServerStreamOwner): void {
    // A raw body ends with the connection; a broken one cannot end in any other way.
    if (owner.bodyWriter.isBroken || owner.bodyWriter.framing === "raw") this.keepAlive = false;
    owner.bodyWriter.begin("none", 0);
    this.detach();
    owner.onResponseComplete(this);
  }
}

/** What ends a body that has no more bytes. */
export const NO_BYTES: Uint8Array = EMPTY;
