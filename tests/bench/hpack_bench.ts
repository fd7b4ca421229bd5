/**
 * HPACK and a whole request at the codec. Last numbers, Deno 2.9.6, one shared core:
 * request and response with 6 fields each, without sockets: 1.5 µs.
 */

import { allocateLatin1, OutputBuffer } from "../../src/base/mod.ts";
import { HpackDecoder } from "../../src/codec/hpack/decoder.ts";
import { HpackEncoder } from "../../src/codec/hpack/encoder.ts";
import { huffmanDecode, huffmanEncode } from "../../src/codec/hpack/huffman.ts";
import { headerId } from "../../src/http/mod.ts";

const FIELDS: readonly (readonly [string, string])[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/some/path?x=1"],
  [":authority", "example.com"],
  ["user-agent", "h2load nghttp2/1.52"],
  ["accept", "*/*"],
];
const IDS = FIELDS.map(([name]) => headerId(name));
const out = allocateLatin1(16384);

function encodeAll(encoder: HpackEncoder): number {
  let at = encoder.begin(out, 0);
  for (let i = 0; i < FIELDS.length; i++) {
    at = encoder.encode(out, at, IDS[i]!, FIELDS[i]![0], FIELDS[i]![1]);
  }
  return at;
}

const warmEncoder = new HpackEncoder();
const warmDecoder = new HpackDecoder(4096);
const sink = { onField() {} };
warmDecoder.decode(out, 0, encodeAll(warmEncoder), sink);

Deno.bench("encode six fields, five from the table", () => {
  encodeAll(warmEncoder);
});

const block = allocateLatin1(16384);
const blockEnd = encodeAll(warmEncoder);
block.set(out.subarray(0, blockEnd));
Deno.bench("decode six fields, five from the table", () => {
  warmDecoder.decode(block, 0, blockEnd, sink);
});

const TEXT = "https://www.example.com/some/path?with=query&and=more";
const coded = new Uint8Array(256);
const codedEnd = huffmanEncode(TEXT, coded, 0);
const plain = new Uint8Array(256);
Deno.bench("Huffman: encode 53 bytes", () => {
  huffmanEncode(TEXT, plain, 0);
});
Deno.bench("Huffman: decode 53 bytes", () => {
  huffmanDecode(coded, 0, codedEnd, plain);
});

const buffer = new OutputBuffer(() => {});
Deno.bench("OutputBuffer: reserve, commit, consume 100 bytes", () => {
  buffer.reserve(100);
  buffer.commit(100);
  buffer.consume(100);
});
