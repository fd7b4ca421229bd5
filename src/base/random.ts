/** Randomness for balancing and ids; a seeded twin makes tests repeatable. */

/** A source of randomness; tests put in a seeded one. */
export interface Random {
  /** An integer in [0, bound), bound ≤ 2^32. */
  below(bound: number): number;
  /** A random version-4 UUID. */
  uuid(): string;
}

const BATCH = 256;
const DASH = 0x2d;
/** The two hex digits of a byte as char codes. */
const HIGH = Uint8Array.from({ length: 256 }, (_, byte) => (byte >>> 4).toString(16).charCodeAt(0));
const LOW = Uint8Array.from({ length: 256 }, (_, byte) => (byte & 15).toString(16).charCodeAt(0));

/** Draws from the system in batches: one `getRandomValues` call costs as much as 30 draws. */
export class SystemRandom implements Random {
  readonly #words = new Uint32Array(BATCH);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  #at = BATCH;

  below(bound: number): number {
    if (this.#at >= BATCH) this.#fill();
    // The bias of the multiplication is below 2^-32 × bound: nothing for balancing.
    return Math.floor(this.#words[this.#at++]! / 4294967296 * bound);
  }

  uuid(): string {
    if (this.#at + 4 > BATCH) this.#fill();
    const b = this.#bytes;
    const o = this.#at * 4;
    this.#at += 4;
    b[o + 6] = b[o + 6]! & 0x0f | 0x40;
    b[o + 8] = b[o + 8]! & 0x3f | 0x80;
    return formatUuid(b, o);
  }

  #fill(): void {
    crypto.getRandomValues(this.#words);
    this.#at = 0;
  }
}

/** One call makes one string; joining pieces leaves twenty on the heap for each request. */
// deno-fmt-ignore
function formatUuid(b: Uint8Array, o: number): string {
  return String.fromCharCode(
    HIGH[b[o]!]!, LOW[b[o]!]!, HIGH[b[o + 1]!]!, LOW[b[o + 1]!]!, HIGH[b[o + 2]!]!, LOW[b[o + 2]!]!,
    HIGH[b[o + 3]!]!, LOW[b[o + 3]!]!, DASH,
    HIGH[b[o + 4]!]!, LOW[b[o + 4]!]!, HIGH[b[o + 5]!]!, LOW[b[o + 5]!]!, DASH,
    HIGH[b[o + 6]!]!, LOW[b[o + 6]!]!, HIGH[b[o + 7]!]!, LOW[b[o + 7]!]!, DASH,
    HIGH[b[o + 8]!]!, LOW[b[o + 8]!]!, HIGH[b[o + 9]!]!, LOW[b[o + 9]!]!, DASH,
    HIGH[b[o + 10]!]!, LOW[b[o + 10]!]!, HIGH[b[o + 11]!]!, LOW[b[o + 11]!]!, HIGH[b[o + 12]!]!, LOW[b[o + 12]!]!,
    HIGH[b[o + 13]!]!, LOW[b[o + 13]!]!, HIGH[b[o + 14]!]!, LOW[b[o + 14]!]!, HIGH[b[o + 15]!]!, LOW[b[o + 15]!]!,
  );
}

/** Deterministic draws (mulberry32) for tests. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 4294967296 * bound);
  }

  uuid(): string {
    const hex = Array.from({ length: 32 }, () => this.below(16).toString(16));
    hex[12] = "4";
    hex[16] = (8 + this.below(4)).toString(16);
    const text = hex.join("");
    return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${
      text.slice(20)
    }`;
  }
}
