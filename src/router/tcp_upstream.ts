/** CONNECT termination: a TCP connection to the upstream in place of an HTTP stream. */

import {
  H,
  HeaderMap,
  type RequestEncoder,
  type ResponseDecoder,
  type StreamInfo,
} from "../http/mod.ts";
import {
  type CloseReason,
  type Connection,
  type ConnectionEvents,
  encodeProxyHeader,
} from "../net/mod.ts";
import type { ConnectTermination } from "../route/mod.ts";
import type { Cluster, Host, PendingStream, PoolCallbacks, Priority } from "../upstream/mod.ts";

/** The request's body goes out as bytes, what comes back is the response's body. */
class TcpUpstream implements RequestEncoder, ConnectionEvents {
  readonly #connection: Connection;
  readonly #decoder: ResponseDecoder;
  readonly headerBytesReceived = 0;
  readonly headerBytesSent = 0;
  readonly streamId = undefined;
  #isDone = false;
  #isReadEnded = false;
  #isWriteEnded = false;

  constructor(connection: Connection, decoder: ResponseDecoder) {
    this.#connection = connection;
    this.#decoder = decoder;
    connection.events = this;
  }

  /** The tunnel stands: the client may send, and is told so. */
  encodeHeaders(_headers: HeaderMap, endStream: boolean): undefined {
    if (endStream) this.#endWrite();
    const response = new HeaderMap();
    response.addId(H.status, "200");
    this.#decoder.decodeHeaders(response, false);
    return undefined;
  }

  encodeData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#isDone) return;
    if (bytes.length > 0) this.#connection.output.writeBytes(bytes);
    if (endStream) this.#endWrite();
  }

  encodeTrailers(): void {
    if (!this.#isDone) this.#endWrite();
  }

  enableTcpTunneling(): void {}

  reset(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#connection.close("no_flush");
  }

  readDisable(disable: boolean): void {
    if (!this.#isDone) this.#connection.readDisable(disable);
  }

  get bufferedBytes(): number {
    return this.#connection.pendingBytes;
  }

  get wireBytesReceived(): number {
    return this.#connection.bytesReceived;
  }

  get wireBytesSent(): number {
    return this.#connection.bytesSent;
  }

  onData(bytes: Uint8Array): void {
    if (!this.#isDone) this.#decoder.decodeData(bytes, false);
  }

  onEnd(): void {
    if (this.#isDone) return;
    this.#isReadEnded = true;
    this.#decoder.decodeData(new Uint8Array(0), true);
    this.#closeIfOver();
  }

  onClose(_reason: CloseReason, details: string): void {
    if (this.#isDone) return;
    this.#isDone = true;
    if (!this.#isReadEnded) this.#decoder.onReset("connection_termination", details);
  }

  onAboveWriteBufferHighWatermark(): void {
    if (!this.#isDone) this.#decoder.onAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    if (!this.#isDone) this.#decoder.onBelowWriteBufferLowWatermark();
  }

  #endWrite(): void {
    if (this.#isWriteEnded) return;
    this.#isWriteEnded = true;
    this.#connection.endWrite();
    this.#closeIfOver();
  }

  #closeIfOver(): void {
    if (!this.#isReadEnded || !this.#isWriteEnded || this.#isDone) return;
    this.#isDone = true;
    this.#connection.close("flush_write");
  }
}

/** Asks for a connection and reports it as a pool would a stream. */
export function startTcpUpstream(
  cluster: Cluster,
  host: Host,
  user: {
    readonly decoder: ResponseDecoder;
    readonly callbacks: PoolCallbacks;
    readonly priority: Priority;
    readonly streamInfo: StreamInfo;
    /** The PROXY header to begin with. */
    readonly proxy: ConnectTermination["proxy"];
  },
): PendingStream | undefined {
  const { decoder, callbacks, priority, streamInfo, proxy } = user;
  return cluster.newTcpConnection(host, {
    priority,
    streamInfo,
    onReady(connection, ready) {
      if (proxy !== undefined) {
        const { remoteAddress: source, localAddress: destination } = streamInfo.connection;
        const header = encodeProxyHeader(proxy.version, { source, destination, tlvs: proxy.tlvs });
        connection.output.writeBytes(header);
      }
      callbacks.onPoolReady(new TcpUpstream(connection, decoder), ready);
    },
    onFailure: (reason, transportFailureReason, failed) =>
      callbacks.onPoolFailure(reason, transportFailureReason, failed),
  });
}
