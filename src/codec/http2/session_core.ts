/** What the parts of a session share: the face that `Http2Session` shows to its receivers. */

import type { CodecError, ConnectionCallbacks, HeaderMap, ResetReason } from "../../http/mod.ts";
import type { CodecStats, Http2Options } from "../options.ts";
import type { Ending } from "./closed_streams.ts";
import type { Flood, InboundLimits } from "./flood_limits.ts";
import type { FrameReader } from "./frame_reader.ts";
import type { FrameWriter } from "./frame_writer.ts";
import type { BlockKind, HeaderSink } from "./header_sink.ts";
import type { Fault } from "./message_rules.ts";
import type { Sender } from "./sender.ts";
import type { PeerSettings } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";
import type { StreamTable } from "./stream_table.ts";

/** What tells a server's session from a client's. */
export interface SessionRole {
  readonly isServer: boolean;
  readonly callbacks: ConnectionCallbacks;
  /** Why a user hears of a stream that the peer's malformed message ended. */
  readonly malformedReason: ResetReason;
  /** A HEADERS frame on a stream not opened yet. Server: makes the stream; client: undefined. */
  openByPeer(streamId: number): Http2Stream | undefined;
  /** What the next header block on a stream is. */
  kindOf(stream: Http2Stream): BlockKind;
  /** A whole, well-formed header block. @returns false if its place makes it malformed */
  onHeaders(stream: Http2Stream, block: HeaderSink, endStream: boolean): boolean;
  onPeerSettings(): void;
  /** Changes headers to be sent, as for upgrades. */
  prepareHeaders(stream: Http2Stream, headers: HeaderMap): HeaderMap;
  /** @returns what is missing in headers to be sent */
  missingHeader(headers: HeaderMap): string | undefined;
  /** Gives a client's stream its id. */
  beforeFirstHeaders(stream: Http2Stream): void;
}

/** What receivers may see of their session and do to it. */
export interface SessionCore {
  readonly role: SessionRole;
  readonly options: Http2Options;
  readonly stats: CodecStats;
  /** Its fields hold the head of the frame at hand. */
  readonly reader: FrameReader;
  readonly writer: FrameWriter;
  readonly sender: Sender;
  readonly limits: InboundLimits;
  readonly streams: StreamTable;
  readonly peer: PeerSettings;
  readonly error: CodecError | undefined;
  /** Whether the peer has acknowledged our SETTINGS. */
  readonly isAcknowledged: boolean;
  nowMs(): number;
  onSettingsAck(): void;
  onGoAway(lastStreamId: number, code: number): void;
  /** Ends the connection by GOAWAY; false, so that a frame's handler can return it. */
  fail(code: number): false;
  failFlood(flood: Flood): false;
  /** Ends the message that breaks a rule, and the connection unless options say otherwise. */
  failMessage(stream: Http2Stream, fault: Fault): void;
  /** The body does not have the length that was announced: costs its stream only. */
  failBody(stream: Http2Stream): void;
  /** Keeps why a stream will end; the first reason stays. */
  note(stream: Http2Stream | undefined, details: string): void;
  /** Sends RST_STREAM and tells the user, if it is there still. */
  endStream(stream: Http2Stream, code: number, reason: ResetReason, details: string): void;
  /** The peer broke the protocol on one stream: as `endStream`. */
  breakStream(stream: Http2Stream, code: number): void;
  sendReset(streamId: number, code: number): void;
  /** Answers a frame on a stream that ended before. */
  resetClosed(streamId: number): void;
  removeStream(stream: Http2Stream, ending: Ending): void;
  /** Takes a reset that the peer made or provoked off the budget. */
  countReset(stream: Http2Stream): void;
}
