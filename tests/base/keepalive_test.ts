import { Dispatcher, Keepalive, keepaliveOptions, SeededRandom } from "../../src/base/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A peer that is asked; what happens to it is noted with the time in milliseconds. */
class Peer {
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  readonly keepalive: Keepalive;
  readonly #dispatcher: Dispatcher;
  readonly #startMs: number;

  constructor(options: { intervalMs?: number; timeoutMs?: number; idleIntervalMs?: number }) {
    const { clock } = this;
    this.#dispatcher = new Dispatcher({ clock, sleeper: clock, random: new SeededRandom(1) });
    this.#startMs = this.#dispatcher.clock.nowMs();
    const all = { intervalMs: 0, timeoutMs: 50, jitter: 0, idleIntervalMs: 0, ...options };
    this.keepalive = new Keepalive(all, this.#dispatcher, {
      ping: (opaque) => this.#note(`ping ${opaque}`),
      expire: () => this.#note("expired"),
    });
  }

  advance(ms: number): this {
    this.clock.advance(ms);
    this.#dispatcher.timers.advance();
    return this;
  }

  hears(): this {
    this.keepalive.onActivity();
    return this;
  }

  works(): this {
    this.keepalive.beforeWork();
    return this;
  }

  #note(text: string): void {
    this.log.push(`${text} at ${this.#dispatcher.clock.nowMs() - this.#startMs}`);
  }
}

const ROWS: readonly {
  readonly name: string;
  readonly options: { intervalMs?: number; timeoutMs?: number; idleIntervalMs?: number };
  readonly act: (peer: Peer) => void;
  readonly want: readonly string[];
}[] = [
  {
    name: "a peer that answers is asked again after the interval",
    options: { intervalMs: 100 },
    act: (peer) => peer.advance(100).advance(20).hears().advance(90).advance(10).hears(),
    want: ["ping 0 at 100", "ping 1 at 220"],
  },
  {
    name: "a peer that does not answer expires",
    options: { intervalMs: 100 },
    act: (peer) => peer.advance(100).advance(50),
    want: ["ping 0 at 100", "expired at 150"],
  },
  {
    name: "an interval below the timeout asks once until the answer",
    options: { intervalMs: 10, timeoutMs: 50 },
    act: (peer) => peer.advance(10).advance(10).advance(10).advance(30),
    want: ["ping 0 at 10", "expired at 60"],
  },
  {
    name: "bytes that come before a question answer nothing",
    options: { intervalMs: 100 },
    act: (peer) => peer.advance(50).hears().advance(50).advance(50),
    want: ["ping 0 at 100", "expired at 150"],
  },
  {
    name: "work on a quiet connection asks first",
    options: { idleIntervalMs: 100 },
    act: (peer) => peer.advance(100).works().advance(10).works().advance(50),
    want: ["ping 0 at 110", "expired at 160"],
  },
  {
    name: "work soon after bytes asks nothing",
    options: { idleIntervalMs: 100 },
    act: (peer) => peer.advance(90).hears().advance(90).works(),
    want: [],
  },
  {
    name: "work while a question is open asks no second one",
    options: { intervalMs: 100, idleIntervalMs: 20, timeoutMs: 1000 },
    act: (peer) => peer.advance(100).advance(50).works(),
    want: ["ping 0 at 100"],
  },
  {
    name: "without an idle interval work asks nothing",
    options: { intervalMs: 100_000 },
    act: (peer) => peer.advance(50_000).works(),
    want: [],
  },
  {
    name: "a connection that is gone asks nothing",
    options: { intervalMs: 100 },
    act: (peer) => {
      peer.advance(100);
      peer.keepalive.stop();
      peer.advance(500);
    },
    want: ["ping 0 at 100"],
  },
];

for (const row of ROWS) {
  Deno.test(`Keepalive: ${row.name}`, () => {
    const peer = new Peer(row.options);
    row.act(peer);
    assertEquals(peer.log, row.want);
  });
}

Deno.test("Keepalive adds up to its jitter to the interval", () => {
  const clock = new FakeClock();
  const dispatcher = new Dispatcher({ clock, sleeper: clock, random: new SeededRandom(7) });
  const times = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const startMs = dispatcher.clock.nowMs();
    const keepalive = new Keepalive(
      { intervalMs: 1000, timeoutMs: 50, jitter: 0.5, idleIntervalMs: 0 },
      dispatcher,
      { ping: () => times.add(dispatcher.clock.nowMs() - startMs), expire() {} },
    );
    for (let ms = 0; ms < 1600; ms += 5) {
      clock.advance(5);
      dispatcher.timers.advance();
    }
    keepalive.stop();
  }
  const all = [...times];
  assertEquals(all.every((ms) => ms >= 1000 && ms <= 1505), true, all.join(" "));
  assertEquals(all.length > 5, true);
});

const seconds = (value: number) => ({ seconds: BigInt(value), nanos: 0 });

for (
  const [name, message, want] of [
    ["nothing", undefined, undefined],
    ["no interval at all", { timeout: seconds(1) }, undefined],
    ["an interval, jitter 15 % by default", { interval: seconds(2), timeout: seconds(1) }, {
      intervalMs: 2000,
      timeoutMs: 1000,
      jitter: 0.15,
      idleIntervalMs: 0,
    }],
    ["an idle interval alone, and a jitter", {
      timeout: seconds(1),
      intervalJitter: { value: 50 },
      connectionIdleInterval: seconds(3),
    }, { intervalMs: 0, timeoutMs: 1000, jitter: 0.5, idleIntervalMs: 3000 }],
  ] as const
) {
  Deno.test(`keepaliveOptions reads ${name}`, () => {
    assertEquals(keepaliveOptions(message), want);
  });
}
