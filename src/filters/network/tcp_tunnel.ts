/**
 * A TCP connection's upstream that is an HTTP stream: its bytes are the bodies of a CONNECT or POST
 * request and of the response.
 *
 *   waiting ─stream─▶ asking ─2xx─▶ open ─both ended─▶ done
 *      └── no stream: failed   └── other answers, reset: failed
 */

import type { HeaderMap, RequestEncoder, ResetReason, ResponseDecoder } from "../../http/mod.ts";
import { H } from "../../http/mod.ts";
import type { CloseKind, ConnectionEvents } from "../../net/mod.ts";
import type {
  Cluster,
  Host,
  PendingStream,
  PoolCallbacks,
  PoolFailureReason,
  PoolReady,
  TcpRequest,
} from "../../upstream/mod.ts";
import type { TcpUpstream } from "./tcp_proxy_events.ts";
import { keepHeaders, type TunnelConfig, tunnelRequest } from "./tcp_tunnel_config.ts";

const NO_BYTES = new Uint8Array(0);
const SILENT: ConnectionEvents = { onData() {}, onEnd() {}, onClose() {} };

/** What the TCP proxy asks for; `onReady` comes once the upstream accepted the tunnel. */
export interface TunnelRequest extends Omit<TcpRequest, "onReady" | "streamInfo"> {
  readonly streamInfo: NonNullable<TcpRequest["streamInfo"]>;
  readonly onReady: (upstream: TcpUpstream, ready: PoolReady) => void;
}

class TcpTunnel implements TcpUpstream, ResponseDecoder, PoolCallbacks, PendingStream {
  events: ConnectionEvents = SILENT;
  bytesReceived = 0;
  bytesSent = 0;
  readonly #config: TunnelConfig;
  readonly #request: TunnelRequest;
  readonly #host: Host;
  #state: "waiting" | "asking" | "open" | "done" = "waiting";
  #pending: PendingStream | undefined = undefined;
  #encoder: RequestEncoder | undefined = undefined;
  #ready: PoolReady | undefined = undefined;
  #hasEndedWrite = false;
  #peerEnded = false;

  constructor(config: TunnelConfig, host: Host, request: TunnelRequest) {
    this.#config = config;
    this.#host = host;
    this.#request = request;
  }

  /** @returns false if it failed before this returned */
  start(cluster: Cluster): boolean {
    const { priority, streamInfo } = this.#request;
    this.#pending = cluster.newStream(this.#host, this, {
      callbacks: this,
      priority,
      downstreamProtocol: undefined,
      streamInfo,
      authority: undefined,
      isTunnel: true,
    });
    return this.#state !== "done";
  }

  cancel(): void {
    const wasWaiting = this.#state === "waiting";
    if (this.#state === "open" || this.#state === "done") return;
    this.#state = "done";
    if (wasWaiting) this.#pending?.cancel();
    else this.#encoder?.reset("local_reset");
  }

  // PoolCallbacks

  onPoolReady(encoder: RequestEncoder, ready: PoolReady): void {
    this.#encoder = encoder;
    this.#ready = ready;
    this.#state = "asking";
    const headers = tunnelRequest(
      this.#config,
      this.#request.streamInfo,
      ready.tls !== undefined,
    );
    const problem = encoder.encodeHeaders(headers, false);
    if (problem === undefined) return;
    encoder.reset("local_reset");
    this.#fail("local_connection_failure", problem);
  }

  onPoolFailure(reason: PoolFailureReason, transportFailureReason: string): void {
    this.#fail(reason, transportFailureReason);
  }

  // ResponseDecoder

  decode1xx(): void {}

  decodeHeaders(headers: HeaderMap, endStream: boolean): void {
    if (this.#state !== "asking") return;
    const status = headers.getId(H.status) ?? "";
    if (this.#config.keepsHeaders) keepHeaders(this.#request.streamInfo, headers, "headers");
    if (!status.startsWith("2") || endStream) {
      this.#encoder!.reset("local_reset");
      return this.#fail("remote_connection_failure", `tunnel_response:${status}`);
    }
    this.#state = "open";
    if (!this.#config.usesPost) this.#encoder!.enableTcpTunneling();
    this.#request.onReady(this, this.#ready!);
  }

  decodeData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#state !== "open") return;
    this.bytesReceived += bytes.length;
    if (bytes.length > 0) this.events.onData(bytes);
    if (endStream) this.#endRead();
  }

  decodeTrailers(trailers: HeaderMap): void {
    if (this.#config.keepsTrailers) keepHeaders(this.#request.streamInfo, trailers, "trailers");
    this.#endRead();
  }

  onReset(reason: ResetReason, details: string): void {
    const wasOpen = this.#state === "open";
    if (!wasOpen) return this.#fail("remote_connection_failure", details);
    this.#state = "done";
    this.events.onClose(reason === "remote_reset" ? "remote_reset" : "remote_close", details);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.events.onAboveWriteBufferHighWatermark?.();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.events.onBelowWriteBufferLowWatermark?.();
  }

  // TcpUpstream

  get output(): this {
    return this;
  }

  get isClosed(): boolean {
    return this.#state === "done";
  }

  writeBytes(bytes: Uint8Array): void {
    if (this.#state !== "open" || this.#hasEndedWrite) return;
    this.bytesSent += bytes.length;
    this.#encoder!.encodeData(bytes, false);
  }

  endWrite(): void {
    if (this.#state !== "open" || this.#hasEndedWrite) return;
    this.#hasEndedWrite = true;
    this.#encoder!.encodeData(NO_BYTES, true);
  }

  readDisable(disable: boolean): void {
    if (this.#state === "open" && !this.#peerEnded) this.#encoder!.readDisable(disable);
  }

  close(_kind: CloseKind): void {
    if (this.#state === "done") return;
    this.#state = "done";
    if (!this.#hasEndedWrite || !this.#peerEnded) this.#encoder!.reset("local_reset");
  }

  #endRead(): void {
    if (this.#state !== "open") return;
    this.#peerEnded = true;
    this.events.onEnd();
  }

  #fail(reason: PoolFailureReason, details: string): void {
    if (this.#state === "done") return;
    this.#state = "done";
    this.#request.onFailure(reason, details, this.#host);
  }
}

/** Opens a tunnel to the host; undefined if `onFailure` has been called already. */
export function openTunnel(
  config: TunnelConfig,
  cluster: Cluster,
  host: Host,
  request: TunnelRequest,
): PendingStream | undefined {
  const tunnel = new TcpTunnel(config, host, request);
  return tunnel.start(cluster) ? tunnel : undefined;
}
