/**
 * Mutated PROXY headers: nothing may throw, a header cut anywhere means the same, and what is
 * written is read.
 *
 *   deno run tests/fuzz/proxy_protocol_fuzz.ts [seconds] [seed]
 */

import { type Address, type Random, SeededRandom } from "../../src/base/mod.ts";
import { encodeProxyHeader, parseProxyHeader } from "../../src/net/mod.ts";
import { assertEquals } from "../support/assert.ts";

function randomAddress(random: Random): Address | undefined {
  const port = random.below(65536);
  switch (random.below(4)) {
    case 0:
      return undefined;
    case 1:
      return { kind: "ip", host: `2001:db8::${(1 + random.below(65535)).toString(16)}`, port };
    default:
      return { kind: "ip", host: `10.${random.below(256)}.0.${random.below(256)}`, port };
  }
}

function isPair(source: Address | undefined, destination: Address | undefined): boolean {
  return source?.kind === "ip" && destination?.kind === "ip" &&
    source.host.includes(":") === destination.host.includes(":");
}

function round(random: Random): void {
  const version = random.below(2) === 0 ? 1 : 2;
  const source = randomAddress(random);
  const destination = randomAddress(random);
  const tlvs = Array.from({ length: version === 2 ? random.below(3) : 0 }, () => ({
    type: random.below(256),
    value: new Uint8Array(random.below(20)).fill(random.below(256)),
  }));
  const wire = encodeProxyHeader(version, { source, destination, tlvs });
  const parsed = parseProxyHeader(wire);
  if (parsed.state !== "done") throw new Error(`wrote what is ${parsed.state}`);
  const { header } = parsed;
  const kept = isPair(source, destination) ? [source, destination] : [undefined, undefined];
  assertEquals([header.source, header.destination, header.size], [...kept, wire.length]);

  const mutated = wire.slice();
  for (let left = random.below(5); left > 0; left--) {
    mutated[random.below(mutated.length)] = random.below(256);
  }
  const whole = parseProxyHeader(mutated);
  const cut = parseProxyHeader(mutated.subarray(0, random.below(mutated.length + 1)));
  // A cut header may wait for more, but must not mean something else.
  if (cut.state !== "more" && whole.state !== "more") assertEquals(cut, whole);
}

/** Mutated PROXY headers, and what was written read back; throws at the first finding. */
export function fuzz(rounds: number, seed: number): void {
  const random = new SeededRandom(seed);
  for (let i = 0; i < rounds; i++) round(random);
}
