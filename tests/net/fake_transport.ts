/** A transport whose peer is the test: it says what arrives and how writes are taken. */

import type { Address } from "../../src/base/mod.ts";
import { Dispatcher } from "../../src/base/mod.ts";
import {
  type CloseReason,
  type ConnectionEvents,
  SocketConnection,
  type TlsFacts,
  type TlsStart,
  type Transport,
  type TransportEvents,
  type WriteResult,
} from "../../src/net/mod.ts";

export class FakeTransport implements Transport {
  readonly events: TransportEvents;
  /** What was done to it, in order. */
  readonly calls: string[] = [];
  readonly written: Uint8Array[] = [];
  isReading = false;
  /** How the next writes are taken; "done" once it is empty. */
  results: WriteResult[] = [];
  facts: TlsFacts | undefined = undefined;
  tlsStart: TlsStart | undefined = undefined;
  local: Address = { kind: "ip", host: "10.0.0.1", port: 80 };
  remote: Address = { kind: "ip", host: "10.0.0.2", port: 4000 };

  constructor(events: TransportEvents) {
    this.events = events;
  }

  readStart(): void {
    this.isReading = true;
  }

  readStop(): void {
    this.isReading = false;
  }

  write(bytes: Uint8Array): WriteResult {
    const result = this.results.shift() ?? "done";
    this.written.push(bytes.slice());
    this.calls.push(`write ${bytes.length} ${result}`);
    return result;
  }

  shutdown(): void {
    this.calls.push("shutdown");
  }

  close(): void {
    this.calls.push("close");
  }

  reset(): void {
    this.calls.push("reset");
  }

  localAddress(): Address {
    return this.local;
  }

  remoteAddress(): Address {
    return this.remote;
  }

  startTls(start: TlsStart, first: Uint8Array | undefined): string {
    this.tlsStart = start;
    this.calls.push(`startTls ${first?.length ?? 0}`);
    return "";
  }

  tlsFacts(): TlsFacts | undefined {
    return this.facts;
  }
}

/** What a connection told its owner. */
export class Recorder implements ConnectionEvents {
  readonly log: string[] = [];

  onData(bytes: Uint8Array): void {
    this.log.push(`data ${new TextDecoder().decode(bytes)}`);
  }

  onEnd(): void {
    this.log.push("end");
  }

  onClose(reason: CloseReason, details: string): void {
    this.log.push(`close ${reason} ${details}`.trimEnd());
  }

  onConnected(): void {
    this.log.push("connected");
  }

  onAboveWriteBufferHighWatermark(): void {
    this.log.push("above");
  }

  onBelowWriteBufferLowWatermark(): void {
    this.log.push("below");
  }
}

/** A clock that stands still until the test moves it. */
export class FakeClock {
  now = 1000;
  nowMs(): number {
    return this.now;
  }
  wallMs(): number {
    return this.now;
  }
}

/** A dispatcher on a fake clock; errors of callbacks are gathered. */
export function fakeDispatcher(): {
  dispatcher: Dispatcher;
  errors: unknown[];
  advance(ms: number): void;
} {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const dispatcher = new Dispatcher({
    clock,
    sleeper: { set: () => 0, clear() {} },
    onError: (error) => errors.push(error),
  });
  return {
    dispatcher,
    errors,
    advance(ms: number): void {
      clock.now += ms;
      dispatcher.timers.advance();
    },
  };
}

export interface FakePeer {
  readonly connection: SocketConnection;
  readonly transport: FakeTransport;
  readonly recorder: Recorder;
  readonly errors: unknown[];
  advance(ms: number): void;
  /** Runs as one turn. */
  run(work: () => void): void;
}

/** A connection over a fake transport. */
export function fakeConnection(state: "connecting" | "open" = "open"): FakePeer {
  const { dispatcher, errors, advance } = fakeDispatcher();
  const connection = new SocketConnection(dispatcher, state);
  const transport = new FakeTransport(connection);
  connection.attach(transport);
  const recorder = new Recorder();
  connection.events = recorder;
  connection.start();
  const run = (work: () => void): void => dispatcher.run(work);
  return { connection, transport, recorder, errors, advance, run };
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
