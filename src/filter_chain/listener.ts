/**
 * Listener filters: what looks at a connection and its first bytes before the filter chain is chosen,
 * in order. They read and settle facts; none of them answers.
 */

import type { Address } from "../base/mod.ts";
import type { StreamInfo } from "../http/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { ListenerFacts } from "./network.ts";

/** What a listener filter may read and settle of an accepted connection. */
export interface AcceptedSocket {
  readonly directRemoteAddress: Address;
  /** Replaced by filters that know the real peer. */
  remoteAddress: Address;
  localAddress: Address;
  /** "" until a filter knows; then `tls` or `raw_buffer`. */
  transportProtocol: string;
  /** Lower-cased; "" if none. */
  requestedServerName: string;
  applicationProtocols: readonly string[];
  ja3Hash: string;
  ja4Hash: string;
  /** Of the connection, for metadata and filter state. */
  readonly streamInfo: StreamInfo;
}

export type ListenerFilterStatus =
  /** The next filter's turn. */
  | "continue"
  /** Wants (more) bytes. */
  | "more"
  /** The connection ends. */
  | "close";

/** A filter of one accepted connection, before its filter chain is chosen. */
export interface ListenerFilter {
  /** Bytes at the front that are the filter's own: dropped after "continue". */
  readonly consumedBytes: number;
  /** The filter's turn has come; no byte may be there yet. */
  onAccept(): ListenerFilterStatus;
  /** All bytes so far that nobody consumed; called again with more until the answer is not "more". */
  onData(bytes: Uint8Array): ListenerFilterStatus;
}

/** A kind of listener filter; one registry row. `Config` is compiled once per listener and thread. */
export interface ListenerFilterFactory<Config = unknown> {
  readonly name: string;
  /** Full name of the configuration message. */
  readonly type: string;
  compile(message: object, context: CompileContext, listener: ListenerFacts): Config;
  create(config: Config, socket: AcceptedSocket): ListenerFilter;
}
