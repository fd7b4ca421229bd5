/**
 * Mutated ClientHellos: nothing may throw, and cut anywhere a hello means the same.
 *
 *   deno run tests/fuzz/client_hello_fuzz.ts [seconds] [seed]
 */

import { type Random, SeededRandom } from "../../src/base/mod.ts";
import { ClientHelloParser, ja3Hash, ja4Hash } from "../../src/net/mod.ts";
import { helloMessage, records } from "../net/hello_builder.ts";
import { assertEquals } from "../support/assert.ts";

function randomHello(random: Random): Uint8Array {
  const numbers = (limit: number): number[] =>
    Array.from({ length: random.below(limit) }, () => random.below(65536));
  const name = "abc.test-é\0*".slice(0, random.below(13));
  return helloMessage({
    ...(random.below(2) === 0 ? { serverName: name } : {}),
    ...(random.below(2) === 0 ? { alpn: ["h2", "http/1.1", ""].slice(random.below(3)) } : {}),
    versions: numbers(5),
    ciphers: numbers(30),
    groups: numbers(8),
    signatures: numbers(8),
    more: numbers(4).map((type) => [type, numbers(9).map((value) => value & 0xff)] as const),
  });
}

function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  const mutated = bytes.slice(
    0,
    random.below(8) === 0 ? random.below(bytes.length + 1) : undefined,
  );
  for (let left = random.below(4); left > 0 && mutated.length > 0; left--) {
    mutated[random.below(mutated.length)] = random.below(3) === 0 ? 0xff : random.below(256);
  }
  return mutated;
}

function round(random: Random): void {
  const sizes = [1, 7, 100, 16384];
  const wire = mutate(records(randomHello(random), sizes[random.below(4)]!), random);
  const whole = new ClientHelloParser();
  const state = whole.parse(wire);
  const parts = new ClientHelloParser();
  let at = 0;
  let partState = parts.parse(wire.subarray(0, at));
  while (partState === "more" && at < wire.length) {
    at = Math.min(wire.length, at + 1 + random.below(60));
    partState = parts.parse(wire.subarray(0, at));
  }
  assertEquals([partState, parts.hello], [state, whole.hello]);
  if (whole.hello !== undefined) {
    ja3Hash(whole.hello);
    ja4Hash(whole.hello);
  }
}

/** Mutated ClientHellos, cut anywhere; throws at the first finding. */
export function fuzz(rounds: number, seed: number): void {
  const random = new SeededRandom(seed);
  for (let i = 0; i < rounds; i++) round(random);
}
