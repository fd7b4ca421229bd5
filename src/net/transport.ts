/**
 * What lies between a SocketConnection and the system: one implementation on native handles, one on
 * Node's streams. A transport knows nothing of buffers, watermarks or kinds of close.
 */

import type { Address } from "../base/mod.ts";

/** How a write was taken. */
export type WriteResult =
  /** All of it is with the kernel (or encrypted); the bytes may be reused. */
  | "done"
  /** `onWritten` follows; the bytes must stay as they are until then. */
  | "pending"
  /** `onError` was or will be called. */
  | "failed";

/** What a transport calls; its owner opens a turn in each. */
export interface TransportEvents {
  onConnected(): void;
  /** Bytes are valid during the call only. */
  onBytes(bytes: Uint8Array): void;
  /** FIN or close_notify. */
  onEof(): void;
  onWritten(): void;
  /** FIN is on its way. */
  onShutdown(): void;
  /** Once; the transport is of no more use. `code` as in `ECONNRESET`, or a TLS library's code. */
  onError(code: string, message: string): void;
  /** The TLS handshake is done. */
  onSecure(): void;
}

/** Facts of a finished TLS handshake. */
export interface TlsFacts {
  readonly alpn: string;
  readonly version: string;
  readonly cipher: string;
  readonly isResumed: boolean;
  /** DER, leaf first; empty if the peer showed none. */
  readonly peerChain: readonly Uint8Array[];
  /** The library's verdict on the chain, "" if it passed or was not asked. */
  readonly verifyError: string;
}

/** Keys, chain and trust of one handshake, as PEM. */
export interface TlsMaterial {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly ca: string | undefined;
  /** Server: ask the client for a certificate. */
  readonly requestCert: boolean;
  /** Server: end the handshake where the client has none. */
  readonly rejectUnauthorized: boolean;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly maxVersion: "TLSv1.2" | "TLSv1.3";
}

/** What a handshake starts with. */
export interface TlsStart {
  readonly isServer: boolean;
  readonly material: TlsMaterial;
  readonly alpnProtocols: readonly string[];
  /** Client: the name to ask for, "" for none. */
  readonly serverName: string;
  /** Whether sessions may be kept for resumption. */
  readonly allowResumption: boolean;
}

/** One stream of bytes from the system, with or without TLS; never throws for what a peer does. */
/** What a connection begins with, by its own addresses: local, remote. */
export type Preamble = (local: Address, remote: Address) => Uint8Array;

export interface Transport {
  readonly events: TransportEvents;
  readStart(): void;
  readStop(): void;
  write(bytes: Uint8Array): WriteResult;
  /** Sends FIN (after close_notify under TLS). */
  shutdown(): void;
  close(): void;
  /** Closes with RST where the system can. */
  reset(): void;
  localAddress(): Address;
  remoteAddress(): Address;
  /**
   * Begins a handshake; a server hands in the bytes that were read already. Answers "" or why the
   * handshake could not even begin.
   */
  startTls(start: TlsStart, first: Uint8Array | undefined): string;
  tlsFacts(): TlsFacts | undefined;
}
