/**
 * A transport on TCPWrap or PipeWrap, with TLSWrap on top once `startTls` was called. All reads of a
 * thread share two buffers, and the callbacks are shared functions that find their owner through the
 * handle, so that a connection costs few objects and a read or write none.
 */

import { setImmediate } from "node:timers";
import { type Address, unmapIpv4 } from "../base/mod.ts";
import { errnoName, errnoText, UV_EOF } from "./errno.ts";
import {
  native,
  type NativeClasses,
  type NativePipe,
  type NativeRequest,
  type NativeSocket,
  type NativeStream,
  type NativeTcp,
  type NativeTls,
  READ_COUNT,
  type SocketName,
  WRITE_IS_ASYNC,
} from "./native.ts";
import { countClosedTls } from "./tls_garbage.ts";
import type {
  TlsFacts,
  TlsMaterial,
  TlsStart,
  Transport,
  TransportEvents,
  WriteResult,
} from "./transport.ts";

const NO_CHAIN: Uint8Array[] = [];

const IGNORED: NativeRequest = { oncomplete() {} };

/** `@name` of an abstract socket as the system wants it. */
export function systemPath(path: string): string {
  return path.startsWith("@") ? `\0${path.slice(1)}` : path;
}

/** Reads from this size on count: small ones are never what keeps a thread busy. */
const LARGE_READ_BYTES = 16384;
/**
 * What large reads of all connections may take before the event loop turns: the system serves a ready
 * socket up to 128 times in a row, while timers and other connections wait.
 */
const TURN_BYTES = 524288;
let turnBytes = 0;

/** Counts a large read; true if the reader should wait for the loop to turn. */
function isTurnSpent(bytes: number): boolean {
  if (turnBytes === 0) {
    setImmediate(() => {
      turnBytes = 0;
    });
  }
  turnBytes += bytes;
  return turnBytes > TURN_BYTES;
}

/** What the shared callbacks call of a handle's owner. */
interface HandleOwner {
  onWire(count: number): void;
  onClear(count: number): void;
  onHandshakeDone(): void;
  onTlsError(code: string, message: string): void;
}

/**
 * Owner of closed handles. These live until V8 marks its whole heap, and what they refer to with
 * them: a connection that only young objects know is gone after the next scavenge.
 */
const NOBODY: HandleOwner = { onWire() {}, onClear() {}, onHandshakeDone() {}, onTlsError() {} };

class WriteRequest implements NativeRequest {
  readonly #owner: NativeTransport;

  constructor(owner: NativeTransport) {
    this.#owner = owner;
  }

  oncomplete(status: number): void {
    this.#owner.onWriteComplete(status);
  }
}

/** One socket of the native layer as a Transport; what happens to it goes to its events. */
export class NativeTransport implements Transport, HandleOwner {
  readonly events: TransportEvents;
  readonly #native: NativeClasses;
  readonly #socket: NativeSocket;
  readonly #target: Address | undefined;
  readonly #write: NativeRequest;
  #tls: NativeTls | undefined;
  #isClosed = false;
  #wantsRead = false;
  /** Reading pauses until the event loop has turned. */
  #isYielding = false;
  #hasPeerChain = false;

  constructor(socket: NativeSocket, target: Address | undefined, events: TransportEvents) {
    this.events = events;
    this.#native = native();
    this.#socket = socket;
    this.#target = target;
    this.#write = new WriteRequest(this);
    socket.owner = this;
    socket.onread = onWireRead;
  }

  /** To be called once the socket is connected. */
  open(): void {
    this.#socket.useUserBuffer(this.#native.wire);
    if (this.#isTcp(this.#socket)) this.#socket.setNoDelay(true);
  }

  setKeepAlive(delaySeconds: number): void {
    if (this.#isTcp(this.#socket)) this.#socket.setKeepAlive(true, delaySeconds);
  }

  readStart(): void {
    this.#wantsRead = true;
    if (!this.#isYielding) this.#socket.readStart();
  }

  readStop(): void {
    this.#wantsRead = false;
    this.#socket.readStop();
  }

  write(bytes: Uint8Array): WriteResult {
    const stream: NativeStream = this.#tls ?? this.#socket;
    const status = stream.writeBuffer(this.#write, bytes);
    if (status < 0) {
      this.#fail(status);
      return "failed";
    }
    return this.#native.state[WRITE_IS_ASYNC] === 0 ? "done" : "pending";
  }

  shutdown(): void {
    const stream: NativeStream = this.#tls ?? this.#socket;
    const request: NativeRequest = {
      oncomplete: () => {
        if (!this.#isClosed) this.events.onShutdown();
      },
    };
    if (stream.shutdown(request) < 0 && !this.#isClosed) this.events.onShutdown();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#endTls();
    this.#socket.owner = NOBODY;
    this.#socket.close();
  }

  reset(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#endTls();
    if (this.#isTcp(this.#socket)) this.#socket.reset(IGNORED);
    this.#socket.owner = NOBODY;
    this.#socket.close();
  }

  localAddress(): Address {
    if (!this.#isTcp(this.#socket)) return this.#target ?? { kind: "pipe", path: "" };
    const name: SocketName = {};
    this.#socket.getsockname(name);
    return toAddress(name);
  }

  remoteAddress(): Address {
    if (this.#target !== undefined) return this.#target;
    if (!this.#isTcp(this.#socket)) return { kind: "pipe", path: "" };
    const name: SocketName = {};
    this.#socket.getpeername(name);
    return toAddress(name);
  }

  startTls(start: TlsStart, first: Uint8Array | undefined): string {
    const wrap = new this.#native.Tls(start.isServer ? 1 : 0, 0);
    const status = start.isServer
      ? wrap.initServerTls(new ServerMaterial(start.material))
      : wrap.initClientTls(start.serverName, start.material);
    if (status !== 0) return "The TLS context was refused";
    this.#tls = wrap;
    wrap.owner = this;
    if (this.#isTcp(this.#socket)) wrap.attach(this.#socket);
    else wrap.attachPipe(this.#socket);
    wrap.setHandle(wrap);
    if (start.alpnProtocols.length > 0) wrap.setAlpnProtocols(start.alpnProtocols);
    if (start.allowResumption) wrap.setSessionAllowed(true);
    // Only a peer that was asked shows a certificate.
    this.#hasPeerChain = !start.isServer || start.material.requestCert;
    wrap.onhandshakedone = onHandshakeDone;
    wrap.onerror = onTlsError;
    wrap.onread = onClearRead;
    wrap.useUserBuffer(this.#native.clear);
    wrap.readStart();
    wrap.start();
    if (first !== undefined && !this.#isClosed) wrap.receive(first);
    return "";
  }

  tlsFacts(): TlsFacts | undefined {
    const wrap = this.#tls;
    if (wrap === undefined) return undefined;
    const alpn: { alpnProtocol?: string | false | null } = {};
    wrap.getAlpnNegotiatedProtocol(alpn);
    const protocol: { protocol?: string } = {};
    wrap.getProtocol(protocol);
    const cipher: { name?: string; standardName?: string } = {};
    wrap.getCipher(cipher);
    return {
      alpn: alpn.alpnProtocol || "",
      version: protocol.protocol ?? "",
      cipher: cipher.name ?? "",
      isResumed: wrap.isSessionReused(),
      peerChain: this.#hasPeerChain
        ? wrap.getPeerCertificateChain()?.certificates ?? NO_CHAIN
        : NO_CHAIN,
      verifyError: this.#hasPeerChain ? wrap.verifyError() ?? "" : "",
    };
  }

  /** @internal for the shared callbacks */
  onWire(count: number): void {
    if (this.#isClosed) return;
    if (count > 0) {
      const wire = this.#native.wire;
      const bytes = count === wire.length ? wire : wire.subarray(0, count);
      if (this.#tls === undefined) this.events.onBytes(bytes);
      else this.#tls.receive(bytes);
      if (count >= LARGE_READ_BYTES && isTurnSpent(count)) this.#yield();
      return;
    }
    if (count === 0) return;
    this.#socket.readStop();
    if (count !== UV_EOF) return this.#fail(count);
    if (this.#tls === undefined) this.events.onEof();
    else this.#tls.emitEof();
  }

  /** @internal for the shared callbacks */
  onClear(count: number): void {
    if (this.#isClosed || count === 0) return;
    if (count > 0) this.events.onBytes(this.#native.clear.subarray(0, count));
    else this.events.onEof();
  }

  /** @internal for the shared callbacks */
  onHandshakeDone(): void {
    if (!this.#isClosed) this.events.onSecure();
  }

  /** @internal for the shared callbacks */
  onTlsError(code: string, message: string): void {
    if (!this.#isClosed) this.events.onError(code, message);
  }

  /** @internal for WriteRequest */
  onWriteComplete(status: number): void {
    if (this.#isClosed) return;
    if (status < 0) this.#fail(status);
    else this.events.onWritten();
  }

  #yield(): void {
    if (this.#isClosed || !this.#wantsRead) return;
    this.#isYielding = true;
    this.#socket.readStop();
    setImmediate(() => {
      this.#isYielding = false;
      if (this.#wantsRead && !this.#isClosed) this.#socket.readStart();
    });
  }

  #fail(status: number): void {
    const code = errnoName(status);
    this.events.onError(code, errnoText(code));
  }

  #endTls(): void {
    if (this.#tls === undefined) return;
    this.#tls.setClosing();
    this.#tls.destroySsl();
    this.#tls.owner = NOBODY;
    countClosedTls();
  }

  #isTcp(socket: NativeSocket): socket is NativeTcp {
    return socket instanceof this.#native.Tcp;
  }
}

/**
 * TLSWrap reads `ca` twice, first to send it after our certificate and then to trust it. Clients are
 * not to see whom we trust, so that the first reading finds nothing.
 */
class ServerMaterial implements TlsMaterial {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: TlsMaterial["minVersion"];
  readonly maxVersion: TlsMaterial["maxVersion"];
  readonly #ca: string | undefined;
  #isChainRead = false;

  constructor(material: TlsMaterial) {
    this.cert = material.cert;
    this.key = material.key;
    this.requestCert = material.requestCert;
    this.rejectUnauthorized = material.rejectUnauthorized;
    this.minVersion = material.minVersion;
    this.maxVersion = material.maxVersion;
    this.#ca = material.ca;
  }

  get ca(): string | undefined {
    if (this.#isChainRead) return this.#ca;
    this.#isChainRead = true;
    return undefined;
  }
}

function onWireRead(this: NativeStream): void {
  (this.owner as HandleOwner).onWire(native().state[READ_COUNT]!);
}

function onClearRead(this: NativeStream): void {
  (this.owner as HandleOwner).onClear(native().state[READ_COUNT]!);
}

function onHandshakeDone(this: NativeTls): void {
  (this.owner as HandleOwner).onHandshakeDone();
}

function onTlsError(
  this: NativeTls,
  error: { readonly code?: string; readonly message?: string } | undefined,
): void {
  const { code = "ERR_SSL", message = "TLS failed" } = error ?? {};
  (this.owner as HandleOwner).onTlsError(code, message);
}

function toAddress(name: SocketName): Address {
  return { kind: "ip", host: unmapIpv4(name.address ?? ""), port: name.port ?? 0 };
}

/** A fresh unconnected or unbound socket for `address`. */
export function newSocket(address: Address, isListening: boolean): NativeTcp | NativePipe {
  const { Tcp, Pipe } = native();
  const kind = isListening ? 1 : 0;
  return address.kind === "ip" ? new Tcp(kind) : new Pipe(kind);
}
