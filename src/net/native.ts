/**
 * The native classes under `node:net` and `node:tls` (TCPWrap, PipeWrap, TLSWrap), reached without
 * their streams: a third of the idle memory and no stream code a read (DESIGN §4). They are internal
 * API of Deno, so their shapes are written down here and nowhere else, and a self-test guards them.
 */

import { nodeStream, nodeTls } from "../base/mod.ts";
import process from "node:process";

/** What an asynchronous call reports to; the same object may serve call after call. */
export interface NativeRequest {
  /** 0 or a negative errno. */
  oncomplete(status: number): void;
}

/** A byte stream: TCPWrap, PipeWrap and TLSWrap have this in common. */
export interface NativeStream {
  /** Whoever `onread` belongs to; our own property. */
  owner?: unknown;
  /** Called with `this` as the stream; the count is `native().state[READ_COUNT]`. */
  onread: (this: NativeStream) => void;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  /**
   * Answers a negative errno, or 0: then `state[WRITE_IS_ASYNC]` tells whether `request` will be
   * called. Until then the native side reads from `bytes`: they must not change.
   */
  writeBuffer(request: NativeRequest, bytes: Uint8Array): number;
  shutdown(request: NativeRequest): number;
  close(): void;
}

export interface SocketName {
  address?: string;
  port?: number;
}

export interface NativeSocket extends NativeStream {
  connect(request: NativeRequest, hostOrPath: string, port?: number): number;
  listen(backlog: number): number;
  accept(into: NativeSocket): number;
  /** Listening sockets only. */
  onconnection: (status: number, client?: NativeSocket) => void;
}

export interface NativeTcp extends NativeSocket {
  connect6(request: NativeRequest, host: string, port: number): number;
  bind(host: string, port: number): number;
  bind6(host: string, port: number, flags: number): number;
  bindWithFlags(host: string, port: number, flags: number): number;
  setNoDelay(enable: boolean): number;
  setKeepAlive(enable: boolean, delaySeconds: number): number;
  reset(request: NativeRequest): number;
  getpeername(into: SocketName): number;
  getsockname(into: SocketName): number;
}

export interface NativePipe extends NativeSocket {
  bind(path: string): number;
  fchmod(mode: number): number;
}

/** Keys, chain and trust as TLSWrap reads them off a context object. */
export type NativeTlsContext = object;

export interface NativeTls extends NativeStream {
  initServerTls(context: NativeTlsContext): number;
  initClientTls(serverName: string, context: NativeTlsContext): number;
  attach(socket: NativeSocket): void;
  attachPipe(socket: NativeSocket): void;
  setHandle(self: NativeTls): void;
  setAlpnProtocols(protocols: readonly string[]): void;
  setSessionAllowed(allowed: boolean): void;
  setClosing(): void;
  destroySsl(): void;
  start(): void;
  /** Feeds bytes that came off the wire. */
  receive(bytes: Uint8Array): void;
  /** Tells that the wire is at its end. */
  emitEof(): void;
  onhandshakedone: (this: NativeTls) => void;
  onerror: (
    this: NativeTls,
    error: { readonly code?: string; readonly message?: string } | undefined,
  ) => void;
  getAlpnNegotiatedProtocol(into: { alpnProtocol?: string | false | null }): void;
  getProtocol(into: { protocol?: string }): void;
  getCipher(into: { name?: string; standardName?: string }): void;
  getPeerCertificateChain(): { readonly certificates: Uint8Array[] } | undefined;
  isSessionReused(): boolean;
  verifyError(): string | null | undefined;
}

export interface NativeClasses {
  readonly Tcp: new (kind: 0 | 1) => NativeTcp;
  readonly Pipe: new (kind: 0 | 1) => NativePipe;
  readonly Tls: new (isServer: 0 | 1, flags: 0) => NativeTls;
  /** libuv's way to hand back numbers; see the indices below. */
  readonly state: Int32Array;
  /** What all plain reads of this thread land in: used up before the next read begins. */
  readonly wire: Uint8Array;
  /** What TLS decrypts into. */
  readonly clear: Uint8Array;
}

/** Index into `state`: bytes read, or a negative errno. */
export const READ_COUNT = 0;
/** Index into `state`: 0 if the last write took all bytes at once. */
export const WRITE_IS_ASYNC = 3;

/**
 * Two passes of TLSWrap's encryption (48 KiB each), less room for the frame heads or chunk sizes around
 * a body: one read is then one write. A body of 1 MiB in HTTP/2 over TLS takes a tenth less CPU than
 * with one pass a read; more passes gain nothing (compare.mjs, tls-h2-1m).
 */
const WIRE_BYTES = 98304 - 128;
const CLEAR_BYTES = 98304;

let classes: NativeClasses | undefined;

/** The classes of this thread, looked up once; throws where this Deno has them no more. */
export function native(): NativeClasses {
  return classes ??= load();
}

function load(): NativeClasses {
  const { binding } = process as unknown as {
    binding(name: string): { readonly [key: string]: unknown };
  };
  return {
    Tcp: binding("tcp_wrap").TCP as NativeClasses["Tcp"],
    Pipe: binding("pipe_wrap").Pipe as NativeClasses["Pipe"],
    Tls: tlsWrapClass(),
    state: binding("stream_wrap").streamBaseState as Int32Array,
    wire: new Uint8Array(WIRE_BYTES),
    clear: new Uint8Array(CLEAR_BYTES),
  };
}

/** TLSWrap has no binding of its own; any TLSSocket's handle is one. */
function tlsWrapClass(): NativeClasses["Tls"] {
  const tls = nodeTls();
  const duplex = new (nodeStream().Duplex)({ read() {} });
  const options = { isServer: true, secureContext: tls.createSecureContext({}) };
  const socket = new tls.TLSSocket(duplex as never, options);
  socket.on("error", () => {});
  const handle = (socket as unknown as { _handle: { constructor: unknown } })._handle;
  socket.destroy();
  return handle.constructor as NativeClasses["Tls"];
}
