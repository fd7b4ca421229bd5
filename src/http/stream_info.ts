/**
 * What is known about one stream (or one TCP connection): written by whoever learns it, read by
 * formatters, log filters, matchers and tracers. Times are monotonic milliseconds of the
 * dispatcher's clock unless a name says wall; -1 means "has not happened".
 */

import type { Address } from "../base/mod.ts";
import type { Protocol } from "./codec.ts";
import type { HeaderMap } from "./header_map.ts";
import { appendFlag } from "./response_flags.ts";

/** TLS facts of one connection, downstream or upstream; undefined members are unknown. */
export interface TlsInfo {
  /** Name the client asked for. */
  readonly sni: string | undefined;
  readonly alpn: string | undefined;
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly version: string | undefined;
  /** OpenSSL's name of the cipher, as in `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string | undefined;
  readonly sessionId: string | undefined;
  /** Whether a certificate was shown, and whether it passed validation. */
  readonly peerCertificatePresented: boolean;
  readonly peerCertificateValidated: boolean;
  /** Facts of the peer's leaf certificate; undefined if it showed none. */
  readonly peer: CertificateInfo | undefined;
  /** Facts of our own certificate on this connection. */
  readonly local: CertificateInfo | undefined;
  /** PEM of the peer's chain, leaf first; computed when asked. */
  peerChainPem(): string | undefined;
}

/** Facts of one certificate, as formatters and matchers ask for them. */
export interface CertificateInfo {
  /** RFC 2253 order, as `CN=x,O=y`. */
  readonly subject: string;
  readonly issuer: string;
  /** Lower-case hex without colons. */
  readonly serial: string;
  readonly sha256Hex: string;
  readonly sha1Hex: string;
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
  readonly ipSans: readonly string[];
  readonly emailSans: readonly string[];
  /** Unix milliseconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly pem: string;
}

/** The downstream connection below a stream. */
export interface ConnectionInfo {
  readonly id: number;
  /** The peer of the socket. */
  readonly directRemoteAddress: Address;
  /** The peer after PROXY protocol or original-dst; what the listener's filters settled. */
  readonly remoteAddress: Address;
  readonly localAddress: Address;
  readonly directLocalAddress: Address;
  /** SNI or http_inspector's findings, for the filter-chain match. */
  readonly requestedServerName: string;
  readonly applicationProtocols: readonly string[];
  readonly tls: TlsInfo | undefined;
  /** What listener filters found the bytes to be, `tls` or `raw_buffer`; "" or absent if none looked. */
  readonly transportProtocol?: string;
  readonly filterChainName: string;
  readonly listenerName: string;
  readonly ja3Hash: string;
  readonly ja4Hash: string;
  /** Set when the connection ends for a reason. */
  terminationDetails: string;
  /** Why the downstream transport failed; "" if it did not. */
  transportFailureReason: string;
  readonly startWallMs: number;
  readonly startMs: number;
}

/** The upstream side of a stream, of its latest attempt. */
export interface UpstreamInfo {
  cluster: string;
  /** The address the host is connected at. */
  address: Address | undefined;
  /** `hostname` of the endpoint, "" if none. */
  hostname: string;
  localAddress: Address | undefined;
  /** Metadata of the endpoint, its locality's and its cluster's by filter name. */
  hostMetadata: { readonly [filter: string]: unknown } | undefined;
  clusterMetadata: { readonly [filter: string]: unknown } | undefined;
  locality:
    | { readonly region: string; readonly zone: string; readonly subZone: string }
    | undefined;
  protocol: Protocol | undefined;
  tls: TlsInfo | undefined;
  connectionId: number;
  /** HTTP/2 stream id or undefined. */
  streamId: number | undefined;
  transportFailureReason: string;
  /** Streams served on the connection before, plus this one. */
  streamCount: number;
  /** Times of this attempt. */
  connectStartMs: number;
  connectCompleteMs: number;
  handshakeCompleteMs: number;
  poolReadyMs: number;
  firstTxMs: number;
  lastTxMs: number;
  firstRxMs: number;
  lastRxMs: number;
  wireBytesReceived: number;
  wireBytesSent: number;
  headerBytesReceived: number;
  headerBytesSent: number;
}

/** What log lines and matchers need of the matched route, without the route room. */
export interface RouteInfo {
  readonly routeName: string;
  readonly virtualHostName: string;
  readonly metadata: { readonly [filter: string]: unknown } | undefined;
}

/** The facts of one stream, plain mutable fields; sizes in bytes, flags as bits of FLAG. */
export class StreamInfo {
  readonly connection: ConnectionInfo;
  readonly startWallMs: number;
  readonly startMs: number;
  protocol: Protocol | undefined = undefined;
  /** 0 until one was sent. */
  responseCode = 0;
  responseCodeDetails = "";
  connectionTerminationDetails = "";
  /** Bits of FLAG, and the order they were set in: logs print them so. */
  flags = 0;
  flagOrder = 0;
  /** The peer as HTTP knows it (x-forwarded-for, trusted hops). */
  remoteAddress: Address;
  /** Body bytes. */
  bytesReceived = 0;
  bytesSent = 0;
  wireBytesReceived = 0;
  wireBytesSent = 0;
  headerBytesReceived = 0;
  headerBytesSent = 0;
  lastDownstreamRxMs = -1;
  firstDownstreamTxMs = -1;
  lastDownstreamTxMs = -1;
  lastAckMs = -1;
  endMs = -1;
  route: RouteInfo | undefined = undefined;
  upstream: UpstreamInfo | undefined = undefined;
  /** Cluster of the route, also when no host was reached. */
  upstreamCluster: string | undefined = undefined;
  attemptCount = 0;
  requestId: string | undefined = undefined;
  virtualClusterName: string | undefined = undefined;
  isHealthCheck = false;
  isShadow = false;
  /** Whether tracing samples this stream. */
  isTraced = false;
  traceReason: "not_traced" | "sampled" | "forced" | "client" = "not_traced";
  downstreamStreamId: number | undefined = undefined;
  /** As sent by the client, before changes: for %DOWNSTREAM…% operators that need it. */
  requestHeaders: HeaderMap | undefined = undefined;
  /** Metadata set by filters, by filter name. */
  dynamicMetadata: { [filter: string]: { [key: string]: unknown } } | undefined = undefined;
  /** Objects shared among filters, by name; read by `stateObject`, which also finds the connection's. */
  filterState: Map<string, FilterStateObject> | undefined = undefined;
  /** Of an HTTP stream: what filters of its connection have shared. */
  connectionState: ReadonlyMap<string, FilterStateObject> | undefined = undefined;

  constructor(connection: ConnectionInfo, nowMs: number, wallMs: number) {
    this.connection = connection;
    this.startMs = nowMs;
    this.startWallMs = wallMs;
    this.remoteAddress = connection.remoteAddress;
  }

  setFlag(flag: number): void {
    if ((this.flags & flag) === flag) return;
    this.flags |= flag;
    this.flagOrder = appendFlag(this.flagOrder, flag);
  }

  /** Sets one value of a filter's metadata; the others of that filter stay. */
  setDynamicMetadata(filter: string, key: string, value: unknown): void {
    const metadata = this.dynamicMetadata ??= {};
    (metadata[filter] ??= {})[key] = value;
  }

  /** An object of the stream's filter state, or of its connection's. */
  stateObject(key: string): FilterStateObject | undefined {
    return this.filterState?.get(key) ?? this.connectionState?.get(key);
  }

  /** Shares an object; what the connection has under that name stays, since it outlives the stream. */
  setStateObject(key: string, object: FilterStateObject): void {
    if (this.connectionState?.has(key) === true) return;
    (this.filterState ??= new Map()).set(key, object);
  }

  hasFlag(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }
}

/** A value in filter state: `serialize` is what PLAIN prints, `json` what TYPED prints. */
export interface FilterStateObject {
  serialize(): string | undefined;
  json(): unknown;
}

/** A fresh upstream record, nothing known but the cluster. */
export function newUpstreamInfo(cluster: string): UpstreamInfo {
  return {
    cluster,
    address: undefined,
    hostname: "",
    localAddress: undefined,
    hostMetadata: undefined,
    clusterMetadata: undefined,
    locality: undefined,
    protocol: undefined,
    tls: undefined,
    connectionId: 0,
    streamId: undefined,
    transportFailureReason: "",
    streamCount: 0,
    connectStartMs: -1,
    connectCompleteMs: -1,
    handshakeCompleteMs: -1,
    poolReadyMs: -1,
    firstTxMs: -1,
    lastTxMs: -1,
    firstRxMs: -1,
    lastRxMs: -1,
    wireBytesReceived: 0,
    wireBytesSent: 0,
    headerBytesReceived: 0,
    headerBytesSent: 0,
  };
}
