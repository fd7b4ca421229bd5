/**
 * Huffman coding of RFC 7541 §5.2. Decoding walks the code tree a nibble at a time by a table of
 * 256 states × 16 nibbles, built from the code table when first needed.
 */

import { HUFFMAN_CODES, HUFFMAN_LENGTHS } from "./huffman_table.ts";

const EOS = 256;
/** A cell: the next state in bits 0–7, the byte in bits 8–15, then the two flags. */
const EMITS = 1 << 16;
const FAILS = 1 << 17;

interface DecodeTable {
  readonly cells: Int32Array;
  /** Whether a string may end in this state: at most seven bits, all ones, since the last byte. */
  readonly isEnd: Uint8Array;
}

/** An inner node of the code tree; a leaf is the symbol itself. */
interface Node {
  readonly index: number;
  zero: Node | number | undefined;
  one: Node | number | undefined;
}

function buildTree(): Node[] {
  const nodes: Node[] = [{ index: 0, zero: undefined, one: undefined }];
  for (let symbol = 0; symbol <= EOS; symbol++) {
    const code = HUFFMAN_CODES[symbol]!;
    let node = nodes[0]!;
    for (let bit = HUFFMAN_LENGTHS[symbol]! - 1; bit > 0; bit--) {
      const side = ((code >>> bit) & 1) === 0 ? "zero" : "one";
      let next = node[side];
      if (typeof next !== "object") {
        next = { index: nodes.length, zero: undefined, one: undefined };
        nodes.push(next);
        node[side] = next;
      }
      node = next;
    }
    node[(code & 1) === 0 ? "zero" : "one"] = symbol;
  }
  return nodes;
}

function buildCell(nodes: readonly Node[], from: Node, nibble: number): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = ((nibble >>> bit) & 1) === 0 ? node.zero : node.one;
    if (next === undefined || next === EOS) return FAILS; // EOS inside a string, §5.2
    if (typeof next === "number") {
      emitted = EMITS | (next << 8);
      node = nodes[0]!;
    } else {
      node = next;
    }
  }
  return emitted | node.index;
}

function buildDecodeTable(): DecodeTable {
  const nodes = buildTree();
  const cells = new Int32Array(nodes.length * 16);
  for (const node of nodes) {
    for (let nibble = 0; nibble < 16; nibble++) {
      cells[node.index * 16 + nibble] = buildCell(nodes, node, nibble);
    }
  }
  const isEnd = new Uint8Array(nodes.length);
  let node: Node | number | undefined = nodes[0];
  for (let ones = 0; ones <= 7 && typeof node === "object"; ones++) {
    isEnd[node.index] = 1;
    node = node.one;
  }
  return { cells, isEnd };
}

let decodeTable: DecodeTable | undefined;

/** Bytes that `length` coded bytes can become at most: the shortest code has five bits. */
export function huffmanDecodedBound(length: number): number {
  return (length * 8 / 5 | 0) + 1;
}

/**
 * Decodes `bytes` from `start` to `end` to the beginning of `out`, which has room for
 * `huffmanDecodedBound` bytes.
 * @returns the decoded length, -1 for EOS within or bad padding at the end
 */
export function huffmanDecode(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
): number {
  const { cells, isEnd } = decodeTable ??= buildDecodeTable();
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    let cell = cells[(state << 4) | (byte >>> 4)]!;
    if (cell >= EMITS) {
      if ((cell & FAILS) !== 0) return -1;
      out[length++] = cell >>> 8;
    }
    cell = cells[((cell & 0xff) << 4) | (byte & 15)]!;
    if (cell >= EMITS) {
      if ((cell & FAILS) !== 0) return -1;
      out[length++] = cell >>> 8;
    }
    state = cell & 0xff;
  }
  return isEnd[state] === 1 ? length : -1;
}

/** Length of `text` (char codes below 256) when coded, in bytes. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += HUFFMAN_LENGTHS[text.charCodeAt(i) & 0xff]!;
  return (bits + 7) >>> 3;
}

/** Codes `text` into `out` at `at` and returns the place behind. */
export function huffmanEncode(text: string, out: Uint8Array, at: number): number {
  let pending = 0; // fewer than eight bits, right-aligned
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i) & 0xff;
    const code = HUFFMAN_CODES[byte]!;
    let left = HUFFMAN_LENGTHS[byte]!;
    // A code has up to 30 bits and seven may wait: they go out eight at a time.
    while (count + left >= 8) {
      const take = 8 - count;
      left -= take;
      out[at++] = (pending << take) | ((code >>> left) & ((1 << take) - 1));
      pending = count = 0;
    }
    pending = (pending << left) | (code & ((1 << left) - 1));
    count += left;
  }
  if (count > 0) out[at++] = (pending << (8 - count)) | ((1 << (8 - count)) - 1);
  return at;
}
