/** MurmurHash2 for 64 bits as libstdc++ has it, by which rings of other proxies are laid out. */

const SEED = 0xc70f6907n;
const MULTIPLIER = 0xc6a4a7935bd1e995n;

const cut = (value: bigint): bigint => BigInt.asUintN(64, value);
const mix = (value: bigint): bigint => value ^ (value >> 47n);

/** The hash of a byte string (one char code a byte). */
export function murmurHash2(text: string): bigint {
  const length = text.length;
  const aligned = length & ~7;
  let hash = SEED ^ cut(BigInt(length) * MULTIPLIER);
  for (let at = 0; at < aligned; at += 8) {
    const word = cut(mix(cut(readBytes(text, at, 8) * MULTIPLIER)) * MULTIPLIER);
    hash = cut((hash ^ word) * MULTIPLIER);
  }
  if (length > aligned) {
    hash = cut((hash ^ readBytes(text, aligned, length - aligned)) * MULTIPLIER);
  }
  return mix(cut(mix(hash) * MULTIPLIER));
}

/** Little-endian. */
function readBytes(text: string, from: number, count: number): bigint {
  let value = 0n;
  for (let i = count - 1; i >= 0; i--) {
    value = (value << 8n) | BigInt(text.charCodeAt(from + i) & 0xff);
  }
  return value;
}
