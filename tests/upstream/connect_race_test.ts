// Happy eyeballs: the order of addresses (RFC 8305 §4), and which attempt becomes the connection.

import { type Address, Dispatcher, formatAddress } from "../../src/base/mod.ts";
import type { CloseReason } from "../../src/net/mod.ts";
import {
  ConnectRace,
  type HappyEyeballsOptions,
  orderAddresses,
  settledConnection,
} from "../../src/upstream/connect_race.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeConnection } from "../support/fakes/connection.ts";

const ip = (host: string): Address => ({ kind: "ip", host, port: 80 });
const DEFAULTS: HappyEyeballsOptions = { firstFamily: undefined, firstFamilyCount: 1 };

const ORDERS = [
  { name: "the first family begins", of: "::1 10.0.0.1 ::2 10.0.0.2", options: DEFAULTS },
  {
    name: "families alternate",
    of: "10.0.0.1 10.0.0.2 10.0.0.3 ::1",
    options: DEFAULTS,
    want: "10.0.0.1 ::1 10.0.0.2 10.0.0.3",
  },
  {
    name: "first_address_family_version",
    of: "10.0.0.1 10.0.0.2 ::1 ::2",
    options: { firstFamily: 6, firstFamilyCount: 1 },
    want: "::1 10.0.0.1 ::2 10.0.0.2",
  },
  {
    name: "first_address_family_count",
    of: "10.0.0.1 10.0.0.2 10.0.0.3 ::1 ::2 ::3",
    options: { firstFamily: 4, firstFamilyCount: 2 },
    want: "10.0.0.1 10.0.0.2 ::1 10.0.0.3 ::2 ::3",
  },
  {
    name: "a family that is not there",
    of: "10.0.0.1 10.0.0.2",
    options: { firstFamily: 6, firstFamilyCount: 1 },
  },
] as const;

for (const row of ORDERS) {
  Deno.test(`happy eyeballs order: ${row.name}`, () => {
    const ordered = orderAddresses(row.of.split(" ").map(ip), row.options);
    const hosts = ordered.map((address) => address.kind === "ip" ? address.host : "");
    assertEquals(hosts.join(" "), "want" in row ? row.want : row.of);
  });
}

/** A race whose attempts a test scripts by their place. */
class Race {
  readonly clock = new FakeClock();
  readonly dispatcher = new Dispatcher({ clock: this.clock, sleeper: this.clock });
  readonly tried: string[] = [];
  readonly attempts: FakeConnection[] = [];
  readonly told: string[] = [];
  readonly race: ConnectRace;

  constructor(...hosts: string[]) {
    this.race = new ConnectRace(this.dispatcher, hosts.map(ip), (address) => {
      this.tried.push(formatAddress(address));
      const connection = new FakeConnection(this.dispatcher);
      this.attempts.push(connection);
      return connection;
    });
    this.race.events = {
      onData: () => {},
      onEnd: () => {},
      onConnected: () => void this.told.push("connected"),
      onClose: (reason) => void this.told.push(reason),
    };
  }

  connect(at: number): void {
    this.dispatcher.run(() => this.attempts[at]!.events.onConnected!());
  }

  fail(at: number, reason: CloseReason = "connect_failure"): void {
    this.dispatcher.run(() => this.attempts[at]!.events.onClose(reason, ""));
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    this.dispatcher.timers.advance();
  }
}

Deno.test("happy eyeballs: the next address is tried after 300 ms", () => {
  const race = new Race("::1", "10.0.0.1", "::2");
  race.advance(250);
  assertEquals(race.tried, ["[::1]:80"]);
  race.advance(100);
  assertEquals(race.tried, ["[::1]:80", "10.0.0.1:80"]);
  race.advance(350);
  assertEquals(race.tried.length, 3);
});

Deno.test("happy eyeballs: the next address is tried at once when one fails", () => {
  const race = new Race("::1", "10.0.0.1");
  race.fail(0);
  assertEquals([race.tried.length, race.told], [2, []]);
  race.connect(1);
  assertEquals(race.told, ["connected"]);
});

Deno.test("happy eyeballs: the first that connects wins, the others are let go", () => {
  const race = new Race("::1", "10.0.0.1");
  race.race.bufferLimitBytes = 7;
  race.advance(350);
  race.connect(1);
  assertEquals(race.attempts.map(({ closedBy }) => closedBy), ["no_flush", undefined]);
  assertEquals(settledConnection(race.race) === race.attempts[1], true);
  assertEquals(race.attempts[1]!.bufferLimitBytes, 7);
  race.advance(1000);
  assertEquals([race.told, race.tried.length], [["connected"], 2]);
});

Deno.test("happy eyeballs: what happens to the winner is told to the owner", () => {
  const race = new Race("::1", "10.0.0.1");
  race.connect(0);
  race.fail(0, "remote_close");
  assertEquals(race.told, ["connected", "remote_close"]);
});

Deno.test("happy eyeballs: only when all addresses have failed has the connection", () => {
  const race = new Race("::1", "10.0.0.1");
  race.advance(350);
  race.fail(0);
  assertEquals(race.told, []);
  race.attempts[1]!.transportFailureReason = "last";
  race.fail(1);
  assertEquals([race.told, race.race.transportFailureReason], [["connect_failure"], "last"]);
});

Deno.test("happy eyeballs: closing ends all attempts and is told once", () => {
  const race = new Race("::1", "10.0.0.1", "::2");
  race.advance(350);
  race.dispatcher.run(() => race.race.close("no_flush"));
  race.advance(1000);
  assertEquals([race.tried.length, race.told], [2, ["local_close"]]);
});

Deno.test("a connection that is no race is its own", () => {
  const connection = new FakeConnection(new Dispatcher({ clock: new FakeClock() }));
  assertEquals(settledConnection(connection) === connection, true);
});
