/**
 * Happy eyeballs (RFC 8305): one connection out of several addresses of a host. The next address is
 * tried when one fails or has not connected, TLS included, after a while; the first that connects
 * is taken, the others are let go.
 */

import type { Address, Dispatcher, OutputBuffer, Timer } from "../base/mod.ts";
import type { TlsInfo } from "../http/mod.ts";
import type { CloseKind, CloseReason, Connection, ConnectionEvents } from "../net/mod.ts";

/** In which order addresses are tried; Envoy's default alternates, beginning with the first's family. */
export interface HappyEyeballsOptions {
  /** Undefined: the family of the host's first address. */
  readonly firstFamily: 4 | 6 | undefined;
  /** Addresses of the first family before each of the other. */
  readonly firstFamilyCount: number;
}

/** RFC 8305 §5 recommends 250 ms; Envoy waits this long. */
const NEXT_ADDRESS_MS = 300;
const SILENT: ConnectionEvents = { onData() {}, onEnd() {}, onClose() {} };

/** The addresses in the order in which they are tried (RFC 8305 §4). */
export function orderAddresses(
  addresses: readonly Address[],
  options: HappyEyeballsOptions,
): Address[] {
  const firstFamily = options.firstFamily ?? familyOf(addresses[0]!);
  const first = addresses.filter((address) => familyOf(address) === firstFamily);
  const other = addresses.filter((address) => familyOf(address) !== firstFamily);
  const ordered: Address[] = [];
  while (first.length > 0 || other.length > 0) {
    ordered.push(...first.splice(0, options.firstFamilyCount), ...other.splice(0, 1));
  }
  return ordered;
}

function familyOf(address: Address): 4 | 6 {
  return address.kind === "ip" && address.host.includes(":") ? 6 : 4;
}

/** The connection to use once `onConnected` has been told: a race's winner, or the one itself. */
export function settledConnection(connection: Connection): Connection {
  return connection instanceof ConnectRace ? connection.winner : connection;
}

/** One address that is tried. */
class Attempt implements ConnectionEvents {
  readonly connection: Connection;
  readonly #race: ConnectRace;

  constructor(race: ConnectRace, connection: Connection) {
    this.#race = race;
    this.connection = connection;
    connection.events = this;
  }

  onData(): void {}
  onEnd(): void {}

  onConnected(): void {
    this.#race.onAttemptConnected(this);
  }

  onClose(reason: CloseReason, details: string): void {
    this.#race.onAttemptClosed(this, reason, details);
  }
}

/**
 * A connection while it is not known by which address. Its owner takes `winner` in its place when
 * told that it is connected, so that nothing stands between the two afterwards.
 */
export class ConnectRace implements Connection {
  events: ConnectionEvents = SILENT;
  readonly #connect: (address: Address) => Connection;
  readonly #addresses: readonly Address[];
  readonly #timer: Timer;
  readonly #attempts = new Set<Attempt>();
  #next = 0;
  /** The one whose facts are the race's: the latest until one wins. */
  #leader: Connection;
  #bufferLimitBytes = 0;
  #delayedCloseTimeoutMs = 0;
  #isClosing = false;
  #isClosed = false;

  /** @param addresses in the order of `orderAddresses`, at least one */
  constructor(
    dispatcher: Dispatcher,
    addresses: readonly Address[],
    connect: (address: Address) => Connection,
  ) {
    this.#addresses = addresses;
    this.#connect = connect;
    this.#timer = dispatcher.timers.create({ onTimer: () => this.#tryNext() });
    this.#leader = this.#start();
  }

  /** The connection that came about. */
  get winner(): Connection {
    return this.#leader;
  }

  get id(): number {
    return this.#leader.id;
  }

  get output(): OutputBuffer {
    return this.#leader.output;
  }

  get pendingBytes(): number {
    return this.#leader.pendingBytes;
  }

  get bufferLimitBytes(): number {
    return this.#bufferLimitBytes;
  }

  set bufferLimitBytes(bytes: number) {
    this.#bufferLimitBytes = bytes;
    for (const { connection } of this.#attempts) connection.bufferLimitBytes = bytes;
  }

  get delayedCloseTimeoutMs(): number {
    return this.#delayedCloseTimeoutMs;
  }

  set delayedCloseTimeoutMs(timeoutMs: number) {
    this.#delayedCloseTimeoutMs = timeoutMs;
    for (const { connection } of this.#attempts) connection.delayedCloseTimeoutMs = timeoutMs;
  }

  get isReadDisabled(): boolean {
    return this.#leader.isReadDisabled;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  get localAddress(): Address {
    return this.#leader.localAddress;
  }

  get remoteAddress(): Address {
    return this.#leader.remoteAddress;
  }

  get tls(): TlsInfo | undefined {
    return this.#leader.tls;
  }

  get alpn(): string {
    return this.#leader.alpn;
  }

  get transportFailureReason(): string {
    return this.#leader.transportFailureReason;
  }

  get bytesReceived(): number {
    return this.#leader.bytesReceived;
  }

  get bytesSent(): number {
    return this.#leader.bytesSent;
  }

  nowMs(): number {
    return this.#leader.nowMs();
  }

  readDisable(disable: boolean): void {
    this.#leader.readDisable(disable);
  }

  endWrite(): void {
    this.#leader.endWrite();
  }

  /** Ends all attempts; the owner hears of it once the last has gone. */
  close(kind: CloseKind, details = ""): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#timer.cancel();
    for (const { connection } of [...this.#attempts]) connection.close(kind, details);
  }

  /** The first that connects wins. */
  onAttemptConnected(attempt: Attempt): void {
    if (this.#isClosing) return;
    this.#timer.cancel();
    this.#attempts.delete(attempt);
    for (const { connection } of this.#attempts) {
      connection.events = SILENT;
      connection.close("no_flush");
    }
    this.#attempts.clear();
    this.#leader = attempt.connection;
    this.#leader.events = this.events;
    this.events.onConnected?.();
  }

  onAttemptClosed(attempt: Attempt, reason: CloseReason, details: string): void {
    this.#attempts.delete(attempt);
    if (!this.#isClosing && this.#tryNext()) return;
    if (this.#attempts.size > 0) return;
    this.#timer.cancel();
    this.#leader = attempt.connection;
    this.#isClosing = true;
    this.#isClosed = true;
    this.events.onClose(reason, details);
  }

  /** @returns whether there was another address */
  #tryNext(): boolean {
    if (this.#next === this.#addresses.length) return false;
    this.#leader = this.#start();
    return true;
  }

  #start(): Connection {
    const attempt = new Attempt(this, this.#connect(this.#addresses[this.#next++]!));
    this.#attempts.add(attempt);
    const { connection } = attempt;
    connection.bufferLimitBytes = this.#bufferLimitBytes;
    connection.delayedCloseTimeoutMs = this.#delayedCloseTimeoutMs;
    if (this.#next < this.#addresses.length) this.#timer.arm(NEXT_ADDRESS_MS);
    else this.#timer.cancel();
    return connection;
  }
}
