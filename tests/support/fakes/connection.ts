/** A connection that is a script: the test says what the peer does and reads what was written. */

import { type Address, type Dispatcher, OutputBuffer } from "../../../src/base/mod.ts";
import type { TlsInfo } from "../../../src/http/mod.ts";
import type { CloseKind, CloseReason, Connection, ConnectionEvents } from "../../../src/net/mod.ts";

const NO_EVENTS: ConnectionEvents = { onData() {}, onEnd() {}, onClose() {} };
const NOWHERE: Address = { kind: "ip", host: "127.0.0.1", port: 1 };

let lastId = 0;

/** `close` is deferred to the end of the turn, as the real one's. */
export class FakeConnection implements Connection {
  readonly id = ++lastId;
  events: ConnectionEvents = NO_EVENTS;
  readonly output = new OutputBuffer(() => {});
  bufferLimitBytes = 0;
  delayedCloseTimeoutMs = 0;
  isClosing = false;
  isClosed = false;
  localAddress: Address = NOWHERE;
  remoteAddress: Address = NOWHERE;
  tls: TlsInfo | undefined = undefined;
  alpn = "";
  transportFailureReason = "";
  bytesReceived = 0;
  bytesSent = 0;
  /** How it was closed by us. */
  closedBy: CloseKind | undefined = undefined;
  readDisableCount = 0;
  hasEndedWrite = false;
  readonly #dispatcher: Dispatcher;

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  get pendingBytes(): number {
    return this.output.length;
  }

  get isReadDisabled(): boolean {
    return this.readDisableCount > 0;
  }

  nowMs(): number {
    return this.#dispatcher.clock.nowMs();
  }

  readDisable(disable: boolean): void {
    this.readDisableCount += disable ? 1 : -1;
  }

  endWrite(): void {
    this.hasEndedWrite = true;
  }

  close(kind: CloseKind, details = ""): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.closedBy = kind;
    this.#dispatcher.defer(() => this.#end("local_close", details));
  }

  // What the test does.

  /** The peer accepted; TLS is done. */
  connected(): void {
    this.#dispatcher.run(() => this.events.onConnected?.());
  }

  /** The peer sends text, one byte a char code. */
  receive(text: string): void {
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    this.bytesReceived += bytes.length;
    this.#dispatcher.run(() => this.events.onData(bytes));
  }

  /** The peer sends FIN. */
  endOfInput(): void {
    this.#dispatcher.run(() => this.events.onEnd());
  }

  /** The connection ends from outside. */
  fail(reason: CloseReason, details = ""): void {
    this.#dispatcher.run(() => this.#end(reason, details));
  }

  /** Takes what was written since the last call, as text. */
  written(): string {
    let text = "";
    for (let bytes = this.output.peek(); bytes !== undefined; bytes = this.output.peek()) {
      text += String.fromCharCode(...bytes);
      this.bytesSent += bytes.length;
      this.output.consume(bytes.length);
    }
    return text;
  }

  #end(reason: CloseReason, details: string): void {
    if (this.isClosed) return;
    this.isClosing = true;
    this.isClosed = true;
    this.events.onClose(reason, details);
  }
}
