/** The client side of HTTP/2: requests out, responses in (RFC 9113 §8.1, RFC 8441). */

import {
  type ClientConnectionCallbacks,
  type ClientHttpConnection,
  H,
  type HeaderMap,
  type ResponseDecoder,
} from "../../http/mod.ts";
import type { CodecStats, CodecTransport, Http2Options } from "../options.ts";
import type { BlockKind, HeaderSink } from "./header_sink.ts";
import { Http2Session } from "./session.ts";
import type { SessionRole } from "./session_core.ts";
import type { Http2Stream } from "./stream.ts";
import { isUpgrade, plainConnect, requestToHttp2, responseToHttp1 } from "./upgrade.ts";

/** Codec of one upstream HTTP/2 connection. */
export interface Http2ClientConnection extends ClientHttpConnection {
  /** Streams the peer allows at once: its MAX_CONCURRENT_STREAMS, 2^32-1 until it says one. */
  readonly peerMaxConcurrentStreams: number;
}

/** Begins an upstream HTTP/2 connection: preface and SETTINGS go out at once. */
export function createHttp2ClientConnection(
  transport: CodecTransport,
  options: Http2Options,
  callbacks: ClientConnectionCallbacks,
  stats: CodecStats,
): Http2ClientConnection {
  const role = new ClientRole(callbacks);
  const session = new Http2Session(role, transport, options, stats);
  role.session = session;
  session.start();
  return session;
}

class ClientRole implements SessionRole {
  readonly isServer = false;
  readonly malformedReason = "protocol_error";
  readonly callbacks: ClientConnectionCallbacks;
  session: Http2Session | undefined;
  #maxStreams = -1;

  constructor(callbacks: ClientConnectionCallbacks) {
    this.callbacks = callbacks;
  }

  /** A server opens no streams: push is off. */
  openByPeer(): undefined {
    return undefined;
  }

  kindOf(stream: Http2Stream): BlockKind {
    return stream.hasHeaders ? "trailers" : "response";
  }

  onHeaders(stream: Http2Stream, block: HeaderSink, endStream: boolean): boolean {
    const decoder = stream.decoder as ResponseDecoder | undefined;
    const headers = block.headers;
    if (stream.hasHeaders) {
      decoder?.decodeTrailers(headers);
      return true;
    }
    const status = headers.getId(H.status)!;
    if (status.charCodeAt(0) === 0x31) {
      if (endStream) return false; // an interim response ends nothing
      decoder?.decode1xx(headers);
      return true;
    }
    stream.hasHeaders = true;
    const hasBody = !stream.isHead && status !== "304" && status !== "204";
    if (hasBody) stream.expectedBytes = block.contentLength;
    if (hasBody && endStream && block.contentLength > 0) return false;
    if (stream.upgrade !== "") responseToHttp1(headers, stream.upgrade);
    decoder?.decodeHeaders(headers, endStream);
    return true;
  }

  onPeerSettings(): void {
    const maxStreams = this.session!.peer.maxConcurrentStreams;
    if (maxStreams === this.#maxStreams) return;
    this.#maxStreams = maxStreams;
    this.callbacks.onMaxStreamsChanged(maxStreams);
  }

  prepareHeaders(stream: Http2Stream, headers: HeaderMap): HeaderMap {
    const method = headers.getId(H.method);
    stream.isHead = method === "HEAD";
    if (isUpgrade(headers)) {
      stream.upgrade = headers.getId(H.upgrade)!;
      return requestToHttp2(headers);
    }
    if (method !== "CONNECT" || headers.getId(H.protocol) !== undefined) return headers;
    return plainConnect(headers);
  }

  missingHeader(headers: HeaderMap): string | undefined {
    const method = headers.getId(H.method);
    if (method === undefined) return "missing required header: :method";
    if (method === "CONNECT" && !headers.hasId(H.protocol)) {
      return headers.hasId(H.authority) ? undefined : "missing required header: :authority";
    }
    return headers.hasId(H.path) ? undefined : "missing required header: :path";
  }

  beforeFirstHeaders(stream: Http2Stream): void {
    if (stream.state !== "idle" || stream.id !== 0) return;
    const session = this.session!;
    const { streams } = session;
    streams.lastLocalId = streams.lastLocalId === 0 ? 1 : streams.lastLocalId + 2;
    session.register(stream, streams.lastLocalId);
  }
}
