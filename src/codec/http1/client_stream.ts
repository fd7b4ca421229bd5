/** One request and its response on a client connection, as the router acts on it. */

import type { HeaderMap, RequestEncoder, ResetReason, ResponseDecoder } from "../../http/mod.ts";
import type { CodecTransport, Http1Options } from "../options.ts";
import type { BodyWriter } from "./body_writer.ts";
import type { HeadWriter } from "./head_writer.ts";
import { requestProblem, writeRequestHead, type WrittenRequest } from "./request_head.ts";

/** What a stream needs of its connection. */
export interface ClientStreamOwner {
  readonly transport: CodecTransport;
  readonly options: Http1Options;
  readonly headWriter: HeadWriter;
  readonly bodyWriter: BodyWriter;
  /** The head of the request is in the output. */
  onHeadWritten(): void;
  onRequestComplete(stream: Http1ClientStream): void;
  onStreamReset(stream: Http1ClientStream): void;
}

/** The encoder of one request; its owner, the connection, learns when it is complete or reset. */
export class Http1ClientStream implements RequestEncoder {
  readonly streamId = undefined;
  readonly decoder: ResponseDecoder;
  /** What the written request says about its response. */
  readonly request: WrittenRequest = {
    framing: "none",
    length: 0,
    bytes: 0,
    isHead: false,
    isConnect: false,
    isUpgrade: false,
    keepAlive: true,
  };
  wireBytesReceived = 0;
  wireBytesSent = 0;
  headerBytesReceived = 0;
  headerBytesSent = 0;
  isRequestComplete = false;
  isTunnel = false;
  /** Interim responses so far. */
  interimCount = 0;
  isAboveHighWatermark = false;
  #owner: ClientStreamOwner | undefined;
  #pauses = 0;

  constructor(owner: ClientStreamOwner, decoder: ResponseDecoder) {
    this.#owner = owner;
    this.decoder = decoder;
  }

  get bufferedBytes(): number {
    return this.#owner === undefined ? 0 : this.#owner.transport.output.length;
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): string | undefined {
    const owner = this.#owner;
    if (owner === undefined) return undefined;
    const problem = requestProblem(headers);
    if (problem !== undefined) return problem;
    const request = this.request;
    writeRequestHead(owner.headWriter, headers, endStream, owner.options, request);
    this.wireBytesSent += request.bytes;
    this.headerBytesSent += request.bytes;
    owner.bodyWriter.begin(this.isTunnel ? "raw" : request.framing, request.length);
    owner.onHeadWritten();
    if (endStream) {
      if (request.framing === "length" && request.length > 0) owner.bodyWriter.isBroken = true;
      this.#complete(owner);
    }
    return undefined;
  }

  encodeData(bytes: Uint8Array, endStream: boolean): void {
    const owner = this.#owner;
    if (owner === undefined || this.isRequestComplete) return;
    this.wireBytesSent += owner.bodyWriter.write(owner.transport.output, bytes, endStream);
    if (endStream) this.#complete(owner);
  }

  encodeTrailers(trailers: HeaderMap): void {
    const owner = this.#owner;
    if (owner === undefined || this.isRequestComplete) return;
    const { transport, options } = owner;
    this.wireBytesSent += owner.bodyWriter.writeTrailers(
      transport.output,
      trailers,
      options.enableTrailers,
    );
    this.#complete(owner);
  }

  /** From now on both ways carry bytes without framing. Accepted upgrades and CONNECT do so untold. */
  enableTcpTunneling(): void {
    this.isTunnel = true;
    if (this.#owner !== undefined && this.#owner.bodyWriter.framing !== "raw") {
      this.#owner.bodyWriter.begin("raw", 0);
    }
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

  #complete(owner: ClientStreamOwner): void {
    this.isRequestComplete = true;
    owner.onRequestComplete(this);
  }
}
