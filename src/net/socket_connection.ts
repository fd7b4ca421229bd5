/**
 * The Connection over any transport: output gathered over a turn and written one piece at a time,
 * watermarks, counted read pauses, kinds of close. One transport write is in flight at most; its
 * bytes stay in `output` until they are taken, so `output.length` is all that waits.
 *
 *   connecting ─→ handshaking ─→ open ─→ flushing ─→ lingering ─→ closed
 *        └──────────────────────↗                (every state may go to closed)
 */

import {
  type Address,
  copyBytes,
  type Dispatcher,
  type Flushable,
  OutputBuffer,
  type Timer,
  type TimerTarget,
} from "../base/mod.ts";
import type { TlsInfo } from "../http/mod.ts";
import type { CloseKind, CloseReason, Connection, ConnectionEvents } from "./connection.ts";
import { type ClientHello, ClientHelloParser } from "./client_hello.ts";
import type { Preamble, TlsFacts, TlsStart, Transport, TransportEvents } from "./transport.ts";

/** The states of the diagram above. */
export type ConnectionState =
  | "connecting"
  | "handshaking"
  | "open"
  /** A close was asked for; what waits goes out first. */
  | "flushing"
  /** FIN is sent; bytes of the peer are dropped until its own FIN or a timeout. */
  | "lingering"
  | "closed";

/** One TLS handshake to make: what it starts with and who judges its end. */
export interface TlsSession {
  readonly start: TlsStart;
  /** Why no handshake may begin, "" or absent if it may. */
  readonly refusal?: string;
  /** Judges the peer; "" lets it in, else the reason in Envoy's words. */
  verify(facts: TlsFacts): string;
  /** Facts for logs, headers and filters; asked for after `verify` said "". */
  info(facts: TlsFacts): TlsInfo;
  /** The failure in Envoy's words, counted. */
  failure(code: string, message: string): string;
}

/** Makes sessions for clients by what they said first. */
export interface ServerTls {
  /** A session, or why there is none. */
  session(hello: ClientHello): TlsSession | string;
  /** What came first is no ClientHello: the reason in Envoy's words, counted. */
  rejectHello(): string;
}

/**
 * Where a source stops, however high its configured limit: the kernel holds up to 4 MB in front of
 * `output`, and what gathers here beyond this leaves the processor's cache before it is written.
 */
const MAX_HIGH_WATERMARK_BYTES = 262144;

/** What nobody listens to. */
export const SILENT_EVENTS: ConnectionEvents = { onData() {}, onEnd() {}, onClose() {} };

const TAG_CONNECT = 0;
const TAG_DELAYED_CLOSE = 1;

let lastId = 0;

/** The next connection id; `worker` keeps ids of all threads apart. */
function nextId(): number {
  return ++lastId;
}

/** Sets where this thread's connection ids begin, so that they are unique in the process. */
export function startConnectionIds(worker: number): void {
  lastId = worker * 2 ** 44;
}

/** One connection as codecs and filters use it, from connecting or accept to its close. */
export class SocketConnection implements Connection, TransportEvents, Flushable, TimerTarget {
  readonly id = nextId();
  events: ConnectionEvents = SILENT_EVENTS;
  readonly output: OutputBuffer;
  delayedCloseTimeoutMs = 0;
  transportFailureReason = "";
  bytesReceived = 0;
  bytesSent = 0;
  readonly #dispatcher: Dispatcher;
  #transport: Transport | undefined;
  #state: ConnectionState;
  #timer: Timer | undefined = undefined;
  #session: TlsSession | undefined = undefined;
  #serverTls: ServerTls | undefined = undefined;
  /** First bytes of a client whose hello is not whole yet. */
  #helloBytes: Uint8Array | undefined = undefined;
  #helloParser: ClientHelloParser | undefined = undefined;
  #tlsInfo: TlsInfo | undefined = undefined;
  #alpn = "";
  #localAddress: Address | undefined = undefined;
  #remoteAddress: Address | undefined = undefined;
  #readDisableCount = 0;
  /** Bytes decrypted or read after reading was paused; delivered when it goes on. */
  #held: Uint8Array[] | undefined = undefined;
  #isEofHeld = false;
  #isDeliveryAsked = false;
  #peerEnded = false;
  /** Size of the write in flight in bytes. */
  #inFlight = 0;
  #isFlushAsked = false;
  #bufferLimitBytes = 0;
  #isAboveHigh = false;
  /** FIN is wanted after what waits; sent; out. */
  #endWrite: "none" | "wanted" | "sent" | "out" = "none";
  #lingers = false;
  /** @internal for connect: written once the socket is connected, before TLS. */
  preamble: Preamble | undefined = undefined;
  /** Both FINs were given before the close, which then ends nothing that was open. */
  #hasBothEnded = false;
  #closeDetails = "";

  constructor(dispatcher: Dispatcher, state: "connecting" | "open") {
    this.#dispatcher = dispatcher;
    this.#state = state;
    this.output = new OutputBuffer(() => this.#askFlush());
  }

  /** @internal for connect and listen: the transport needs the connection first. */
  attach(transport: Transport): void {
    this.#transport = transport;
  }

  /** @internal for listen: the owner of an accepted connection is ready. */
  start(): void {
    if (this.#state === "open") this.#applyReading();
  }

  get bufferLimitBytes(): number {
    return this.#bufferLimitBytes;
  }

  set bufferLimitBytes(bytes: number) {
    this.#bufferLimitBytes = bytes;
    this.output.alertBytes = bytes > 0 ? Math.min(bytes, MAX_HIGH_WATERMARK_BYTES) : Infinity;
  }

  get pendingBytes(): number {
    return this.output.length;
  }

  get isReadDisabled(): boolean {
    return this.#readDisableCount > 0;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  get isClosing(): boolean {
    return this.#state === "flushing" || this.#state === "lingering" || this.#state === "closed";
  }

  get localAddress(): Address {
    return this.#localAddress ??= this.#transport?.localAddress() ?? NOWHERE;
  }

  get remoteAddress(): Address {
    return this.#remoteAddress ??= this.#transport?.remoteAddress() ?? NOWHERE;
  }

  get tls(): TlsInfo | undefined {
    return this.#tlsInfo;
  }

  get alpn(): string {
    return this.#alpn;
  }

  nowMs(): number {
    return this.#dispatcher.clock.nowMs();
  }

  readDisable(disable: boolean): void {
    if (disable) {
      if (this.#readDisableCount++ === 0) this.#applyReading();
      return;
    }
    if (this.#readDisableCount === 0) throw new RangeError("Reading was not disabled");
    if (--this.#readDisableCount > 0) return;
    this.#applyReading();
    if (this.#held !== undefined || this.#isEofHeld) this.#askDelivery();
  }

  endWrite(): void {
    if (this.isClosing || this.#endWrite !== "none") return;
    this.#endWrite = "wanted";
    this.#askFlush();
  }

  /**
   * Waits for a ClientHello and makes the handshake as the server; `first` are bytes that were read
   * already. `onConnected` or `onClose` tells how it went.
   */
  startServerTls(tls: ServerTls, first?: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#state = "handshaking";
    this.#serverTls = tls;
    this.#applyReading();
    if (first !== undefined && first.length > 0) this.#receiveHello(first);
  }

  /** Makes a handshake on a connected transport. */
  startTls(session: TlsSession, first?: Uint8Array): void {
    this.#session = session;
    this.#state = "handshaking";
    const refusal = session.refusal ?? "";
    if (refusal !== "") return this.#refuseTls(refusal);
    const failure = this.#transport!.startTls(session.start, first);
    if (failure !== "") this.onError("ERR_TLS_CONTEXT", failure);
    else this.#applyReading();
  }

  close(kind: CloseKind, details = ""): void {
    if (this.#state === "closed") return;
    if (kind === "no_flush" || kind === "reset") return this.#finish(kind, "local_close", details);
    if (this.isClosing) return;
    this.#closeDetails = details;
    if (this.#state === "connecting" || this.#state === "handshaking") {
      return this.#finish("no_flush", "local_close", details);
    }
    this.#hasBothEnded = this.#peerEnded && this.#endWrite !== "none";
    this.#lingers = kind === "flush_write_and_delay" && !this.#peerEnded &&
      this.delayedCloseTimeoutMs > 0;
    this.#state = "flushing";
    this.#held = undefined;
    if (this.delayedCloseTimeoutMs > 0) this.#arm(TAG_DELAYED_CLOSE, this.delayedCloseTimeoutMs);
    this.#applyReading();
    this.#askFlush();
  }

  /** Arms the time a connect and its handshake may take. */
  limitConnect(timeoutMs: number): void {
    this.#arm(TAG_CONNECT, timeoutMs);
  }

  /** @internal for connect: the attempt ended before a transport was of any use. */
  failConnect(phase: "delayed" | "immediate", text: string): void {
    this.transportFailureReason = `${phase} connect error: ${text}`;
    this.#finish("no_flush", "connect_failure", this.transportFailureReason);
  }

  flush(): void {
    this.#isFlushAsked = false;
    if (this.#state === "closed") return;
    const mustWait = this.#inFlight > 0 || this.#state === "connecting" ||
      this.#state === "handshaking";
    if (!mustWait) {
      if (!this.#writeAll()) return;
      if (this.output.length === 0) this.#onDrained();
    }
    this.#checkWatermarks();
  }

  onTimer(tag: number): void {
    if (tag === TAG_CONNECT) {
      const wasHandshaking = this.#state === "handshaking";
      if (wasHandshaking) this.transportFailureReason = "TLS handshake timed out";
      this.#finish("no_flush", "connect_timeout", "connect timeout");
    } else {
      this.#finish("no_flush", "local_close", this.#closeDetails);
    }
  }

  // Transport events: each is a turn of its own, and what it throws ends this connection only.

  /** @internal */
  onConnected(): void {
    this.#turn(this.#connected);
  }

  /** @internal */
  onBytes(bytes: Uint8Array): void {
    const dispatcher = this.#dispatcher;
    dispatcher.beginTurn();
    try {
      this.#receive(bytes);
    } catch (error) {
      this.#onBug(error);
    } finally {
      dispatcher.endTurn();
    }
  }

  /** @internal */
  onEof(): void {
    this.#turn(this.#eof);
  }

  /** @internal */
  onWritten(): void {
    this.#turn(this.#written);
  }

  /** @internal */
  onShutdown(): void {
    this.#turn(this.#shutdownDone);
  }

  /** @internal */
  onSecure(): void {
    this.#turn(this.#secure);
  }

  /** @internal */
  onError(code: string, message: string): void {
    const dispatcher = this.#dispatcher;
    dispatcher.beginTurn();
    try {
      this.#fail(code, message);
    } finally {
      dispatcher.endTurn();
    }
  }

  #turn(work: () => void): void {
    const dispatcher = this.#dispatcher;
    dispatcher.beginTurn();
    try {
      work.call(this);
    } catch (error) {
      this.#onBug(error);
    } finally {
      dispatcher.endTurn();
    }
  }

  #onBug(error: unknown): void {
    this.#dispatcher.report(error);
    this.#finish("reset", "local_close", "internal_error");
  }

  #connected(): void {
    if (this.#state !== "connecting") return;
    const preamble = this.preamble?.(this.localAddress, this.remoteAddress);
    if (preamble !== undefined) {
      this.preamble = undefined;
      this.bytesSent += preamble.length;
      // Goes on once it is written.
      if (this.#transport!.write(preamble) !== "done") return;
    }
    if (this.#session !== undefined) return this.startTls(this.#session);
    this.#opened();
  }

  /** @internal for connect: TLS to start as soon as the socket is connected. */
  setSession(session: TlsSession): void {
    this.#session = session;
  }

  #opened(): void {
    this.#state = "open";
    this.#timer?.cancel();
    this.#applyReading();
    if (this.output.length > 0 || this.#endWrite === "wanted") this.#askFlush();
    this.events.onConnected?.();
  }

  #secure(): void {
    if (this.#state !== "handshaking") return;
    const session = this.#session!;
    const facts = this.#transport!.tlsFacts();
    if (facts === undefined) return;
    const refused = session.verify(facts);
    if (refused !== "") {
      // Closed without close_notify: a refused client must not get a session ticket.
      return this.#refuseTls(refused);
    }
    this.#alpn = facts.alpn;
    this.#tlsInfo = session.info(facts);
    // Holds the hello and the handshake's material; an idle connection needs neither.
    this.#session = undefined;
    this.#opened();
  }

  #refuseTls(reason: string): void {
    this.transportFailureReason = reason;
    this.#finish("no_flush", "transport_failure", reason);
  }

  #receiveHello(bytes: Uint8Array): void {
    const before = this.#helloBytes;
    const all = new Uint8Array((before?.length ?? 0) + bytes.length);
    if (before !== undefined) all.set(before);
    all.set(bytes, before?.length ?? 0);
    const parser = this.#helloParser ??= new ClientHelloParser();
    const state = parser.parse(all);
    if (state === "more") {
      this.#helloBytes = all;
      return;
    }
    const tls = this.#serverTls!;
    this.#serverTls = this.#helloBytes = this.#helloParser = undefined;
    // Closed without an alert: whoever speaks plain text here could not read it.
    if (parser.hello === undefined) return this.#refuseTls(tls.rejectHello());
    const session = tls.session(parser.hello);
    if (typeof session === "string") this.#refuseTls(session);
    else this.startTls(session, all);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#state === "handshaking" && this.#serverTls !== undefined) {
      return this.#receiveHello(bytes);
    }
    this.bytesReceived += bytes.length;
    if (this.#state !== "open") return;
    if (this.#readDisableCount > 0 || this.#held !== undefined) {
      (this.#held ??= []).push(copyBytes(bytes));
      return;
    }
    this.events.onData(bytes);
  }

  #eof(): void {
    if (this.#state === "closed" || this.#peerEnded) return;
    if (this.#state === "handshaking") {
      return this.#fail("ECONNRESET", "The peer closed during the TLS handshake");
    }
    this.#peerEnded = true;
    if (this.#state === "lingering") {
      return this.#finish("no_flush", "local_close", this.#closeDetails);
    }
    if (this.#state !== "open") return;
    if (this.#readDisableCount > 0 || this.#held !== undefined) this.#isEofHeld = true;
    else this.events.onEnd();
  }

  #askDelivery(): void {
    if (this.#isDeliveryAsked) return;
    this.#isDeliveryAsked = true;
    this.#dispatcher.defer(() => {
      this.#isDeliveryAsked = false;
      this.#turn(this.#deliver);
    });
  }

  #deliver(): void {
    while (this.#held !== undefined && this.#readDisableCount === 0 && this.#state === "open") {
      const bytes = this.#held.shift();
      if (bytes === undefined) this.#held = undefined;
      else this.events.onData(bytes);
    }
    if (this.#isEofHeld && this.#readDisableCount === 0 && this.#state === "open") {
      this.#isEofHeld = false;
      this.events.onEnd();
    }
  }

  #written(): void {
    if (this.#state === "closed") return;
    if (this.#state === "connecting") return this.#connected();
    const size = this.#inFlight;
    this.#inFlight = 0;
    this.#taken(size);
    // A slow peer that takes something gets its time again, as with Envoy.
    if (this.#state === "flushing" && this.delayedCloseTimeoutMs > 0) {
      this.#arm(TAG_DELAYED_CLOSE, this.delayedCloseTimeoutMs);
    }
    this.flush();
  }

  #taken(size: number): void {
    this.bytesSent += size;
    this.output.consume(size);
  }

  /** False if the connection is gone. */
  #writeAll(): boolean {
    const transport = this.#transport!;
    for (;;) {
      if (this.#state === "closed") return false;
      const bytes = this.output.peek();
      if (bytes === undefined) return true;
      const size = bytes.length;
      this.#inFlight = size;
      const result = transport.write(bytes);
      if (result === "pending") return true;
      this.#inFlight = 0;
      if (result === "failed") return false;
      this.#taken(size);
    }
  }

  #onDrained(): void {
    if (this.#state === "flushing") {
      if (this.#endWrite === "out") this.#flushed();
      else this.#shutdown();
    } else if (this.#endWrite === "wanted") {
      this.#shutdown();
    }
  }

  #shutdown(): void {
    if (this.#endWrite === "sent" || this.#endWrite === "out") return;
    this.#endWrite = "sent";
    this.#transport!.shutdown();
  }

  #shutdownDone(): void {
    this.#endWrite = "out";
    if (this.#state === "flushing" && this.output.length === 0) this.#flushed();
  }

  #flushed(): void {
    if (!this.#lingers || this.#peerEnded) {
      const reason = this.#hasBothEnded ? "remote_close" : "local_close";
      return this.#finish("no_flush", reason, this.#closeDetails);
    }
    this.#state = "lingering";
    this.#arm(TAG_DELAYED_CLOSE, this.delayedCloseTimeoutMs);
  }

  #checkWatermarks(): void {
    const limit = Math.min(this.#bufferLimitBytes, MAX_HIGH_WATERMARK_BYTES);
    if (limit === 0 || this.isClosing) return;
    if (!this.#isAboveHigh) {
      if (this.output.length <= limit) return;
      this.#isAboveHigh = true;
      this.events.onAboveWriteBufferHighWatermark?.();
    } else if (this.output.length <= limit >>> 1) {
      this.#isAboveHigh = false;
      this.events.onBelowWriteBufferLowWatermark?.();
    }
  }

  #askFlush(): void {
    if (this.#isFlushAsked) return;
    if (this.#state === "closed" || this.#state === "lingering") {
      this.output.clear();
      return;
    }
    this.#isFlushAsked = true;
    this.#dispatcher.flushAtEnd(this);
  }

  #applyReading(): void {
    const transport = this.#transport;
    if (transport === undefined || this.#state === "connecting" || this.#state === "closed") return;
    if (this.#peerEnded) return;
    // A handshake, and a close that waits for the peer's FIN, read whatever the owner wants.
    if (this.#readDisableCount > 0 && this.#state === "open") transport.readStop();
    else transport.readStart();
  }

  #arm(tag: number, ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#dispatcher.timers.create(this, tag);
    this.#timer.arm(ms);
  }

  #fail(code: string, message: string): void {
    switch (this.#state) {
      case "closed":
        return;
      case "connecting":
        return this.failConnect("delayed", message);
      case "handshaking": {
        const text = this.#session?.failure(code, message) ?? this.#serverTls?.rejectHello() ?? "";
        return this.#refuseTls(text);
      }
      case "flushing":
      case "lingering":
        return this.#finish("no_flush", "local_close", this.#closeDetails);
      case "open":
        return this.#finish("no_flush", code === "EPIPE" ? "remote_close" : "remote_reset", code);
    }
  }

  #finish(how: "no_flush" | "reset", reason: CloseReason, details: string): void {
    if (this.#state === "closed") return;
    // Known after the handle is gone, too: logs ask for it.
    if (this.#transport !== undefined) void this.localAddress;
    this.#state = "closed";
    this.#timer?.cancel();
    this.#held = undefined;
    if (how === "reset") this.#transport?.reset();
    else this.#transport?.close();
    if (this.#inFlight > 0) this.output.abandon();
    else this.output.clear();
    this.#dispatcher.defer(() => {
      const { events } = this;
      this.events = SILENT_EVENTS;
      events.onClose(reason, details);
    });
  }
}

const NOWHERE: Address = { kind: "pipe", path: "" };
