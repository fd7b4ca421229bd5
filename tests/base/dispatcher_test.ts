import { Dispatcher, SeededRandom, SystemRandom } from "../../src/base/mod.ts";
import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("Dispatcher flushes what a turn touched once, then runs deferred work", () => {
  const dispatcher = new Dispatcher({ clock: new FakeClock() });
  const seen: string[] = [];
  dispatcher.run(() => {
    dispatcher.defer(() => seen.push("deferred"));
    dispatcher.flushAtEnd({ flush: () => seen.push("flush") });
    dispatcher.run(() => seen.push("inner turn"));
    seen.push("work");
  });
  assertEquals(seen, ["inner turn", "work", "flush", "deferred"]);
});

Deno.test("Dispatcher: time stands still within a turn", () => {
  const clock = new FakeClock();
  const dispatcher = new Dispatcher({ clock });
  dispatcher.run(() => {
    const before = dispatcher.clock.nowMs();
    clock.advance(30);
    assertEquals(dispatcher.clock.nowMs(), before);
  });
  assertEquals(dispatcher.clock.nowMs(), 30);
});

Deno.test("Dispatcher: what throws is reported, the rest of the turn still happens", () => {
  const errors: string[] = [];
  const dispatcher = new Dispatcher({
    clock: new FakeClock(),
    onError: (error) => errors.push((error as Error).message),
  });
  let flushed = 0;
  dispatcher.run(() => {
    dispatcher.flushAtEnd({
      flush: () => {
        throw new Error("flush");
      },
    });
    dispatcher.flushAtEnd({ flush: () => flushed++ });
    throw new Error("work");
  });
  assertEquals([errors, flushed, dispatcher.isInTurn], [["work", "flush"], 1, false]);
});

Deno.test("Dispatcher: work deferred outside a turn runs in one of its own", async () => {
  const dispatcher = new Dispatcher({ clock: new FakeClock() });
  let ran = false;
  dispatcher.defer(() => ran = true);
  await Promise.resolve();
  assertOk(ran);
});

for (
  const [name, random] of [["system", new SystemRandom()], ["seeded", new SeededRandom(1)]] as const
) {
  Deno.test(`Random (${name}): version 4 UUIDs and integers within bounds`, () => {
    for (let i = 0; i < 300; i++) {
      assertMatch(
        random.uuid(),
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      const drawn = random.below(7);
      assertOk(Number.isInteger(drawn) && drawn >= 0 && drawn < 7);
    }
  });
}
