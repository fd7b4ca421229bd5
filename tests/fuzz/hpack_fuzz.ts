/**
 * HPACK against random and mutated blocks: nothing may throw, and what the encoder writes must
 * come back.
 */

import { allocateLatin1, type Random, SeededRandom } from "../../src/base/mod.ts";
import { HpackDecoder } from "../../src/codec/hpack/decoder.ts";
import { HpackEncoder } from "../../src/codec/hpack/encoder.ts";
import { headerId } from "../../src/http/mod.ts";
import { assertEquals, assertOk } from "../support/assert.ts";

const NAMES = [":path", ":status", "cookie", "x-request-id", "x-a", "x-b", "server", "te", "date"];

function randomText(random: Random): string {
  let text = "";
  for (let left = random.below(4) === 0 ? random.below(300) : random.below(20); left > 0; left--) {
    text += String.fromCharCode(random.below(256));
  }
  return text;
}

/** Random blocks to a decoder; the table must stay within its bound. */
function fuzzDecoder(rounds: number, random: Random): void {
  let decoder = new HpackDecoder(4096);
  for (let round = 0; round < rounds; round++) {
    const bytes = allocateLatin1(random.below(200));
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = random.below(3) === 0 ? random.below(256) : random.below(128);
    }
    const error = decoder.decode(bytes, 0, bytes.length, { onField() {} });
    assertOk(decoder.tableSize <= 4096);
    if (error !== undefined) decoder = new HpackDecoder(4096);
  }
}

/** Random fields through an encoder and its decoder. */
function fuzzPair(rounds: number, random: Random): void {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(4096);
  for (let round = 0; round < rounds; round++) {
    if (random.below(20) === 0) encoder.resize(random.below(8000));
    const fields = Array.from({ length: random.below(10) }, () => {
      return [
        NAMES[random.below(NAMES.length)]!,
        random.below(2) === 0 ? "same" : randomText(random),
      ] as const;
    });
    const size = fields.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    const out = allocateLatin1(HpackEncoder.bound(fields.length, size));
    let at = encoder.begin(out, 0);
    for (const [name, value] of fields) at = encoder.encode(out, at, headerId(name), name, value);
    assertOk(at <= out.length);
    const got: (readonly [string, string])[] = [];
    const error = decoder.decode(out, 0, at, { onField: (_i, n, v) => got.push([n, v]) });
    assertEquals([error, got], [undefined, fields]);
  }
}

/** Both of them; throws at the first finding. */
export function fuzz(rounds: number, seed: number): void {
  fuzzDecoder(rounds, new SeededRandom(seed));
  fuzzPair(rounds, new SeededRandom(seed + 1));
}
