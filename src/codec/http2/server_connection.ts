/** The server side of HTTP/2: requests in, responses out (RFC 9113 §8.1, RFC 8441). */

import {
  type CodecError,
  H,
  type HeaderMap,
  type HttpConnection,
  type RequestDecoder,
  type ServerConnectionCallbacks,
} from "../../http/mod.ts";
import type { CodecStats, CodecTransport, Http2Options } from "../options.ts";
import type { BlockKind, HeaderSink } from "./header_sink.ts";
import { Http2Session } from "./session.ts";
import type { SessionRole } from "./session_core.ts";
import type { Http2Stream } from "./stream.ts";
import { isUpgrade, requestToHttp1, responseToHttp2, upgradeProtocol } from "./upgrade.ts";

/** Codec of one downstream HTTP/2 connection. */
export interface Http2ServerConnection extends HttpConnection {
  /** Sends PING, for connection_keepalive; any frame that comes in counts as the answer. */
  sendPing(opaque: number): void;
  /**
   * The time to acknowledge our SETTINGS is over: without the ACK no limit in them holds.
   * @returns the error that ends the connection, unless the ACK has come (RFC 9113 §6.5.3)
   */
  onSettingsTimeout(): CodecError | undefined;
  /**
   * Resets finished streams whose last bytes the peer has not let out for `timeoutMs`
   * (CVE-2019-9517); nothing else watches over these. @returns how many
   */
  resetStalledStreams(timeoutMs: number): number;
}

/** Begins a downstream HTTP/2 connection; it says nothing before the peer's first frame. */
export function createHttp2ServerConnection(
  transport: CodecTransport,
  options: Http2Options,
  callbacks: ServerConnectionCallbacks,
  stats: CodecStats,
): Http2ServerConnection {
  const role = new ServerRole(callbacks);
  const session = new Http2Session(role, transport, options, stats);
  role.session = session;
  return session;
}

class ServerRole implements SessionRole {
  readonly isServer = true;
  readonly malformedReason = "local_reset";
  readonly callbacks: ServerConnectionCallbacks;
  session: Http2Session | undefined;

  constructor(callbacks: ServerConnectionCallbacks) {
    this.callbacks = callbacks;
  }

  openByPeer(streamId: number): Http2Stream {
    const session = this.session!;
    const stream = session.createStream();
    stream.state = "open";
    session.register(stream, streamId);
    stream.attach(this.callbacks.newStream(stream));
    return stream;
  }

  kindOf(stream: Http2Stream): BlockKind {
    return stream.hasHeaders ? "trailers" : "request";
  }

  onHeaders(stream: Http2Stream, block: HeaderSink, endStream: boolean): boolean {
    const decoder = stream.decoder as RequestDecoder | undefined;
    if (stream.hasHeaders) {
      decoder?.decodeTrailers(block.headers);
      return true;
    }
    stream.hasHeaders = true;
    stream.expectedBytes = block.contentLength;
    const protocol = upgradeProtocol(block.headers);
    if (protocol !== undefined) {
      stream.upgrade = protocol;
      requestToHttp1(block.headers, protocol);
    }
    decoder?.decodeHeaders(block.headers, endStream);
    return true;
  }

  onPeerSettings(): void {}

  prepareHeaders(stream: Http2Stream, headers: HeaderMap): HeaderMap {
    return stream.upgrade !== "" && isUpgrade(headers) ? responseToHttp2(headers) : headers;
  }

  missingHeader(headers: HeaderMap): string | undefined {
    return headers.hasId(H.status) ? undefined : "missing required header: :status";
  }

  beforeFirstHeaders(): void {}
}
