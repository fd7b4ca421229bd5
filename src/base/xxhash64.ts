/**
 * xxHash64 over byte strings, as Envoy hashes headers, cookies and host keys. Written on 32-bit
 * halves: the WebAssembly packages load asynchronously, which a compile step cannot wait for.
 */

/** A 64-bit number as two unsigned halves; one instance is reused while hashing. */
interface Wide {
  high: number;
  low: number;
}

const PRIME1: Wide = { high: 0x9e3779b1, low: 0x85ebca87 };
const PRIME2: Wide = { high: 0xc2b2ae3d, low: 0x27d4eb4f };
const PRIME3: Wide = { high: 0x165667b1, low: 0x9e3779f9 };
const PRIME4: Wide = { high: 0x85ebca77, low: 0xc2b2ae63 };
const PRIME5: Wide = { high: 0x27d4eb2f, low: 0x165667c5 };

function wide(high: number, low: number): Wide {
  return { high: high >>> 0, low: low >>> 0 };
}

function add(a: Wide, b: Wide): void {
  const low = a.low + b.low;
  a.high = (a.high + b.high + (low > 0xffffffff ? 1 : 0)) >>> 0;
  a.low = low >>> 0;
}

function xor(a: Wide, b: Wide): void {
  a.high = (a.high ^ b.high) >>> 0;
  a.low = (a.low ^ b.low) >>> 0;
}

function multiply(a: Wide, b: Wide): void {
  const a0 = a.low & 0xffff;
  const a1 = a.low >>> 16;
  const b0 = b.low & 0xffff;
  const b1 = b.low >>> 16;
  const low = a0 * b0;
  const middle = a1 * b0 + (low >>> 16);
  const middle2 = a0 * b1 + (middle & 0xffff);
  const carry = a1 * b1 + Math.floor(middle / 65536) + Math.floor(middle2 / 65536);
  const high = Math.imul(a.high, b.low) + Math.imul(a.low, b.high) + carry;
  a.low = (((middle2 & 0xffff) << 16) | (low & 0xffff)) >>> 0;
  a.high = high >>> 0;
}

/** Rotates left by 0 < bits < 64. */
function rotate(a: Wide, bits: number): void {
  let { high, low } = a;
  if (bits >= 32) {
    [high, low] = [low, high];
    bits -= 32;
  }
  if (bits === 0) {
    a.high = high;
    a.low = low;
    return;
  }
  a.high = ((high << bits) | (low >>> (32 - bits))) >>> 0;
  a.low = ((low << bits) | (high >>> (32 - bits))) >>> 0;
}

function shiftXor(a: Wide, bits: number): void {
  if (bits >= 32) {
    a.low = (a.low ^ (a.high >>> (bits - 32))) >>> 0;
    return;
  }
  const low = ((a.low >>> bits) | (a.high << (32 - bits))) >>> 0;
  a.low = (a.low ^ low) >>> 0;
  a.high = (a.high ^ (a.high >>> bits)) >>> 0;
}

function readLow(text: string, at: number): number {
  return (text.charCodeAt(at) & 0xff | (text.charCodeAt(at + 1) & 0xff) << 8 |
    (text.charCodeAt(at + 2) & 0xff) << 16 | (text.charCodeAt(at + 3) & 0xff) << 24) >>> 0;
}

function round(accumulator: Wide, input: Wide): void {
  multiply(input, PRIME2);
  add(accumulator, input);
  rotate(accumulator, 31);
  multiply(accumulator, PRIME1);
}

function mergeRound(hash: Wide, accumulator: Wide): void {
  const value = wide(0, 0);
  round(value, accumulator);
  xor(hash, value);
  multiply(hash, PRIME1);
  add(hash, PRIME4);
}

/** Consumes the 32-byte stripes and returns the hash over them. */
function stripes(text: string, seed: Wide): Wide {
  const v1 = wide(seed.high, seed.low);
  add(v1, PRIME1);
  add(v1, PRIME2);
  const v2 = wide(seed.high, seed.low);
  add(v2, PRIME2);
  const v3 = wide(seed.high, seed.low);
  const v4 = wide(seed.high, seed.low);
  // Minus PRIME1 is plus its two's complement.
  add(v4, wide(~PRIME1.high, -PRIME1.low));
  const lanes = [v1, v2, v3, v4];
  for (let at = 0; at + 32 <= text.length; at += 32) {
    for (let lane = 0; lane < 4; lane++) {
      const from = at + lane * 8;
      round(lanes[lane]!, wide(readLow(text, from + 4), readLow(text, from)));
    }
  }
  const hash = wide(0, 0);
  const turns = [1, 7, 12, 18];
  for (let lane = 0; lane < 4; lane++) {
    const turned = wide(lanes[lane]!.high, lanes[lane]!.low);
    rotate(turned, turns[lane]!);
    add(hash, turned);
  }
  for (const lane of lanes) mergeRound(hash, lane);
  return hash;
}

/**
 * XXH64 of a byte string (one char code a byte).
 * @param seed an earlier hash, to chain several values
 */
export function xxHash64(text: string, seed = 0n): bigint {
  const length = text.length;
  const start = wide(Number((seed >> 32n) & 0xffffffffn), Number(seed & 0xffffffffn));
  let hash: Wide;
  let at = 0;
  if (length >= 32) {
    hash = stripes(text, start);
    at = length - length % 32;
  } else {
    hash = start;
    add(hash, PRIME5);
  }
  add(hash, wide(0, length));
  for (; at + 8 <= length; at += 8) {
    const value = wide(0, 0);
    round(value, wide(readLow(text, at + 4), readLow(text, at)));
    xor(hash, value);
    rotate(hash, 27);
    multiply(hash, PRIME1);
    add(hash, PRIME4);
  }
  if (at + 4 <= length) {
    const value = wide(0, readLow(text, at));
    multiply(value, PRIME1);
    xor(hash, value);
    rotate(hash, 23);
    multiply(hash, PRIME2);
    add(hash, PRIME3);
    at += 4;
  }
  for (; at < length; at++) {
    const value = wide(0, text.charCodeAt(at) & 0xff);
    multiply(value, PRIME5);
    xor(hash, value);
    rotate(hash, 11);
    multiply(hash, PRIME1);
  }
  shiftXor(hash, 33);
  multiply(hash, PRIME2);
  shiftXor(hash, 29);
  multiply(hash, PRIME3);
  shiftXor(hash, 32);
  return (BigInt(hash.high) << 32n) | BigInt(hash.low);
}
