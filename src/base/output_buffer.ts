/**
 * Bytes on their way to one connection: codecs encode straight into it, the connection writes it
 * out at the end of the turn. Chunks come from a free list of the thread, so that an idle
 * connection holds none. A chunk is 96 KiB: what one read brings, with frames around it, is one write.
 */

import { Buffer as NodeBuffer } from "node:buffer";

/** Size of a chunk in bytes; one write to the kernel or to TLS is never larger. */
export const CHUNK_BYTES = 98304;
/** 6 MiB a thread: below that, bulk transfers allocate and collect a chunk a write. */
const MAX_FREE = 64;

/** A byte array that also writes and reads text, one byte a char code (Node's untyped methods). */
export interface Latin1Bytes extends Uint8Array<ArrayBuffer> {
  latin1Write(text: string, offset: number, length: number): number;
  latin1Slice(start: number, end: number): string;
}

/** Allocates bytes that are not zeroed. */
export function allocateLatin1(size: number): Latin1Bytes {
  return NodeBuffer.allocUnsafeSlow(size) as unknown as Latin1Bytes;
}

let viewed: Latin1Bytes | undefined;
let viewedBefore: Latin1Bytes | undefined;

/**
 * Text of `bytes` from `start` to `end`, one char code a byte. Connections read into two buffers all
 * the time, so that their views with the text methods are kept.
 */
export function latin1Text(bytes: Uint8Array, start: number, end: number): string {
  const { buffer } = bytes;
  if (viewed?.buffer !== buffer) {
    const other = viewedBefore;
    viewedBefore = viewed;
    viewed = other?.buffer === buffer
      ? other
      : NodeBuffer.from(buffer as ArrayBuffer) as unknown as Latin1Bytes;
  }
  const from = bytes.byteOffset;
  return viewed!.latin1Slice(from + start, from + end);
}

/** The same memory with the text methods; no copy. */
export function asLatin1(bytes: Uint8Array): Latin1Bytes {
  return NodeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.length) as unknown as Latin1Bytes;
}

/**
 * Chunks that are allocated together. A block of this size is mapped by itself, so that pages nobody
 * writes to cost nothing and no hole is left between small allocations that stay.
 */
const SLAB_CHUNKS = 16;
let slab = new ArrayBuffer(0);
let slabEnd = 0;

function allocateChunk(): Latin1Bytes {
  if (slabEnd === slab.byteLength) {
    slab = new ArrayBuffer(SLAB_CHUNKS * CHUNK_BYTES);
    slabEnd = 0;
  }
  const bytes = NodeBuffer.from(slab, slabEnd, CHUNK_BYTES);
  slabEnd += CHUNK_BYTES;
  return bytes as unknown as Latin1Bytes;
}

/** Bytes in a line of chunks. */
class Chunk {
  readonly bytes: Latin1Bytes = allocateChunk();
  start = 0;
  end = 0;
  next: Chunk | undefined = undefined;
}

let free: Chunk | undefined;
let freeCount = 0;

function takeChunk(): Chunk {
  const chunk = free;
  if (chunk === undefined) return new Chunk();
  free = chunk.next;
  freeCount--;
  chunk.start = chunk.end = 0;
  chunk.next = undefined;
  return chunk;
}

function giveChunk(chunk: Chunk): void {
  if (freeCount >= MAX_FREE) return;
  freeCount++;
  chunk.next = free;
  free = chunk;
}

/** A queue of bytes in chunks from the free list; written at the end, taken from the front. */
export class OutputBuffer {
  #first: Chunk | undefined = undefined;
  /** Chunks before it are full or closed. */
  #last: Chunk | undefined = undefined;
  #length = 0;
  /** Length in bytes whose crossing is told to the owner like the first bytes are: its high watermark. */
  alertBytes = Infinity;
  /** Called when bytes arrive in an empty buffer, so that its owner can ask for a flush. */
  readonly #onFirst: () => void;

  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
  }

  /** Bytes that wait to be written. */
  get length(): number {
    return this.#length;
  }

  /**
   * Makes room for `size` ≤ 96 KiB contiguous bytes and returns the chunk to write them into, from
   * `offset` on; `commit` then says how many were written. Nothing else may touch the buffer between.
   */
  reserve(size: number): Latin1Bytes {
    const last = this.#last;
    if (last !== undefined && last.end + size <= CHUNK_BYTES) {
      this.offset = last.end;
      return last.bytes;
    }
    if (size > CHUNK_BYTES) throw new RangeError(`A reservation of ${size} bytes is too large`);
    this.offset = 0;
    return this.#append().bytes;
  }
  /** Where the last reservation begins in its chunk. */
  offset = 0;

  /** Takes over `size` bytes written at `offset` of the reserved chunk. */
  commit(size: number): void {
    this.#last!.end += size;
    const was = this.#length;
    this.#length = was + size;
    this.#tell(was);
  }

  /** Appends a copy of `bytes`. */
  writeBytes(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      let last = this.#last;
      if (last === undefined || last.end === CHUNK_BYTES) last = this.#append();
      const size = Math.min(bytes.length - at, CHUNK_BYTES - last.end);
      last.bytes.set(
        at === 0 && size === bytes.length ? bytes : bytes.subarray(at, at + size),
        last.end,
      );
      last.end += size;
      at += size;
    }
    const was = this.#length;
    this.#length = was + bytes.length;
    this.#tell(was);
  }

  #append(): Chunk {
    const chunk = takeChunk();
    if (this.#last === undefined) this.#first = chunk;
    else this.#last.next = chunk;
    this.#last = chunk;
    return chunk;
  }

  #drop(chunk: Chunk): void {
    this.#first = chunk.next;
    if (chunk.next === undefined) this.#last = undefined;
  }

  #tell(was: number): void {
    const now = this.#length;
    if (was === 0 ? now > 0 : was <= this.alertBytes && now > this.alertBytes) this.#onFirst();
  }

  /** Appends text whose char codes are all below 256, one byte each. */
  writeLatin1(text: string): void {
    for (let at = 0; at < text.length; at += CHUNK_BYTES) {
      const part = text.length <= CHUNK_BYTES ? text : text.slice(at, at + CHUNK_BYTES);
      const chunk = this.reserve(part.length);
      chunk.latin1Write(part, this.offset, part.length);
      this.commit(part.length);
    }
  }

  /** The first waiting bytes, at most 96 KiB; undefined if none. Valid until `consume`. */
  peek(): Uint8Array | undefined {
    const first = this.#first;
    if (first === undefined || first.start === first.end) return undefined;
    const { bytes, start, end } = first;
    // A plain view: Node's own `subarray` costs several times as much.
    return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
  }

  /** Drops `size` bytes from the front of what `peek` showed. */
  consume(size: number): void {
    const first = this.#first!;
    first.start += size;
    this.#length -= size;
    if (first.start > first.end) throw new RangeError(`Consumed past the chunk by ${size}`);
    if (first.start === first.end) {
      this.#drop(first);
      giveChunk(first);
    }
  }

  /**
   * Forgets all that waits while the kernel may still read the first chunk (a write in flight of a
   * connection that was cut): that chunk is not used again, lest another's bytes go out here.
   */
  abandon(): void {
    if (this.#first !== undefined) this.#drop(this.#first);
    this.clear();
  }

  /** Forgets all that waits. */
  clear(): void {
    for (let chunk = this.#first; chunk !== undefined;) {
      const { next } = chunk;
      giveChunk(chunk);
      chunk = next;
    }
    this.#first = this.#last = undefined;
    this.#length = 0;
  }
}
