import { SeededRandom, TimerWheel } from "../../src/base/mod.ts";
import { assertEquals, assertOk } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const TICK_MS = 5;

const DELAYS = [
  { name: "at once", delayMs: 0 },
  { name: "below a tick", delayMs: 3 },
  { name: "one tick", delayMs: 5 },
  { name: "last slot of the first level", delayMs: 315 },
  { name: "first slot of the second level", delayMs: 320 },
  { name: "between levels", delayMs: 19_999 },
  { name: "third level", delayMs: 60_000 },
  { name: "an hour", delayMs: 3_600_000 },
  { name: "a day is cut to the wheel's span", delayMs: 23 * 3_600_000 },
] as const;

for (const { name, delayMs } of DELAYS) {
  Deno.test(`TimerWheel fires once, never early and within a tick: ${name}`, () => {
    const clock = new FakeClock();
    clock.advance(1237); // an odd start
    const wheel = new TimerWheel(clock, clock);
    const fired: number[] = [];
    const start = clock.nowMs();
    wheel.after(delayMs, () => fired.push(clock.nowMs() - start));
    clock.advance(delayMs + 50);
    assertEquals(fired.length, 1);
    assertOk(fired[0]! >= delayMs && fired[0]! <= delayMs + 2 * TICK_MS, `fired after ${fired[0]}`);
    assertEquals(clock.sleeping, 0, "an empty wheel sleeps");
  });
}

Deno.test("TimerWheel: a cancelled timer never fires, one armed again fires once at the new time", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock, clock);
  const fired: [number, number][] = [];
  const target = { onTimer: (tag: number): unknown => fired.push([tag, clock.nowMs()]) };
  const cancelled = wheel.create(target as never, 1);
  const again = wheel.create(target as never, 2);
  cancelled.arm(100);
  again.arm(100);
  clock.advance(50);
  cancelled.cancel();
  again.arm(1000);
  assertEquals([cancelled.isArmed, again.isArmed], [false, true]);
  clock.advance(2000);
  assertEquals(fired, [[2, 1050]]);
});

Deno.test("TimerWheel: a timer may arm itself again from its own callback", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock, clock);
  let count = 0;
  const timer = wheel.create({
    onTimer: () => {
      if (++count < 5) timer.arm(10);
    },
  });
  timer.arm(10);
  clock.advance(500);
  assertEquals(count, 5);
});

Deno.test("TimerWheel: a late wake fires everything that is due, in order of time", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock, { set: () => 0, clear: () => {} }); // the native timer never comes
  const fired: number[] = [];
  for (const delay of [700, 20, 5000, 310]) wheel.after(delay, () => fired.push(delay));
  clock.advance(6000);
  wheel.advance();
  assertEquals(fired, [20, 310, 700, 5000]);
});

/** A native timer that the test fires, as late as it likes. */
function heldSleeper(): {
  set(run: () => void, ms: number): number;
  clear(): void;
  fire(): number;
} {
  let waiting: { readonly run: () => void; readonly ms: number } | undefined;
  return {
    set(run, ms) {
      waiting = { run, ms };
      return 1;
    },
    clear: () => waiting = undefined,
    /** @returns how long it was to sleep */
    fire() {
      const { run, ms } = waiting!;
      waiting = undefined;
      run();
      return ms;
    },
  };
}

const LATE = [
  { name: "in time", lateMs: 0, wakes: 1 },
  { name: "a little late", lateMs: 50, wakes: 1 },
  { name: "late: input of one turn comes first", lateMs: 51, wakes: 2 },
  { name: "very late", lateMs: 60_000, wakes: 2 },
] as const;

for (const { name, lateMs, wakes } of LATE) {
  Deno.test(`TimerWheel fires what is due after as many wakes as it must: ${name}`, () => {
    const clock = new FakeClock();
    const sleeper = heldSleeper();
    const wheel = new TimerWheel(clock, sleeper);
    let fired = 0;
    wheel.after(100, () => fired++);
    clock.advance(100 + lateMs);
    for (let wake = 1; wake <= wakes; wake++) {
      assertEquals(fired, 0);
      assertEquals(sleeper.fire(), wake === 1 ? 100 : 0);
    }
    assertEquals(fired, 1);
  });
}

Deno.test("TimerWheel: a timer that input cancels after a late wake does not fire", () => {
  const clock = new FakeClock();
  const sleeper = heldSleeper();
  const wheel = new TimerWheel(clock, sleeper);
  let fired = 0;
  const timer = wheel.after(100, () => fired++);
  wheel.after(200, () => fired += 10);
  clock.advance(400);
  sleeper.fire();
  timer.cancel();
  sleeper.fire();
  assertEquals(fired, 10);
});

Deno.test("TimerWheel: a thread that is always late works its timers off all the same", () => {
  const clock = new FakeClock();
  const sleeper = heldSleeper();
  const wheel = new TimerWheel(clock, sleeper);
  let fired = 0;
  const timer = wheel.create({
    onTimer: () => {
      fired++;
      timer.arm(100);
    },
  });
  timer.arm(100);
  for (let i = 0; i < 6; i++) {
    clock.advance(1000);
    sleeper.fire();
  }
  assertEquals(fired, 3);
});

Deno.test("TimerWheel agrees with a plain sorted list over 2,000 random timers", () => {
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock, clock);
  const random = new SeededRandom(7);
  let fired = 0;
  let wrong = 0;
  for (let i = 0; i < 2000; i++) {
    const delay = random.below(40_000);
    const due = clock.nowMs() + delay;
    wheel.after(delay, () => {
      fired++;
      if (clock.nowMs() < due || clock.nowMs() > due + 2 * TICK_MS) wrong++;
    });
    clock.advance(random.below(20));
  }
  clock.advance(50_000);
  assertEquals([fired, wrong], [2000, 0]);
});
