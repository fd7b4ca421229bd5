import { allocateLatin1 } from "../../../src/base/mod.ts";
import { HpackDecoder } from "../../../src/codec/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/codec/hpack/encoder.ts";
import { huffmanDecode, huffmanEncode, huffmanLength } from "../../../src/codec/hpack/huffman.ts";
import { headerId } from "../../../src/http/mod.ts";
import { assertEquals, assertOk } from "../../support/assert.ts";

type Pairs = readonly (readonly [string, string])[];

/** An encoder and the decoder that follows it. */
class Link {
  readonly encoder = new HpackEncoder();
  readonly decoder = new HpackDecoder(4096);
  /** Encodes, decodes, compares; returns the block's length. */
  send(pairs: Pairs): number {
    return this.bytes(pairs).length;
  }

  bytes(pairs: Pairs): Uint8Array {
    const size = pairs.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    const out = allocateLatin1(HpackEncoder.bound(pairs.length, size));
    let at = this.encoder.begin(out, 0);
    for (const [name, value] of pairs) {
      at = this.encoder.encode(out, at, headerId(name), name, value);
    }
    assertOk(at <= out.length, "the bound holds");
    const got: [string, string][] = [];
    const error = this.decoder.decode(out, 0, at, { onField: (_i, n, v) => got.push([n, v]) });
    assertEquals(error, undefined);
    assertEquals(got, pairs);
    return out.slice(0, at);
  }
}

const RESPONSE: Pairs = [
  [":status", "200"],
  ["content-type", "text/plain"],
  ["server", "envoy"],
  ["x-custom", "always the same"],
];

Deno.test("HpackEncoder refers to fields it sent before", () => {
  const link = new Link();
  assertOk(link.send(RESPONSE) > 20);
  assertEquals(link.send(RESPONSE), 4);
});

Deno.test("HpackEncoder alternates between two values of a name for one byte each", () => {
  const link = new Link();
  const one: Pairs = [["content-type", "text/html"]];
  const two: Pairs = [["content-type", "text/css"]];
  link.send(one);
  link.send(two);
  assertEquals([link.send(one), link.send(two), link.send(one)], [1, 1, 1]);
});

Deno.test("HpackEncoder never lets secrets be indexed, §7.1.3", () => {
  const link = new Link();
  assertEquals(link.bytes([["authorization", "Basic abc"]])[0]! & 0xf0, 0x10);
  assertEquals(link.bytes([["cookie", "a=1"]])[0]! & 0xf0, 0x10);
  assertEquals(link.decoder.tableCount, 0);
});

Deno.test("HpackEncoder gives up on names whose values never repeat", () => {
  const link = new Link();
  link.send([["content-type", "text/plain"]]);
  for (let i = 0; i < 100; i++) link.send([["x-nonce", `value ${i}`]]);
  assertEquals(link.send([["content-type", "text/plain"]]), 1);
});

Deno.test("HpackEncoder follows its decoder through evictions and long values", () => {
  const link = new Link();
  for (let i = 0; i < 500; i++) {
    link.send([
      ["x-a", "v".repeat(i % 90)],
      [`x-${i % 40}`, String(i % 7)],
      ["x-long", "y".repeat(i * 11)],
      ["via", `\xe9${i % 3}`.repeat(30)],
    ]);
  }
});

Deno.test("HpackEncoder announces the least and the last table size, §4.2", () => {
  const link = new Link();
  link.send(RESPONSE);
  link.encoder.resize(0);
  link.encoder.resize(1000);
  assertEquals([...link.bytes([[":status", "200"]])], [0x20, 0x3f, 0xc9, 0x07, 0x88]);
  assertEquals(link.decoder.tableCount, 0);
  link.encoder.resize(0);
  link.send(RESPONSE);
  link.send(RESPONSE);
  assertEquals(link.decoder.tableCount, 0);
});

Deno.test("T38 two thousand flips of the table size cost one or two updates", () => {
  const link = new Link();
  for (let i = 0; i < 2000; i++) link.encoder.resize(i % 2 === 0 ? 0 : 4096);
  assertOk(link.send([[":status", "200"]]) <= 5);
});

Deno.test("Huffman code and decode all bytes, alone and together", () => {
  const out = new Uint8Array(4096);
  const back = new Uint8Array(4096);
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i));
  for (const text of ["", ...all, all.join("")]) {
    const end = huffmanEncode(text, out, 0);
    assertEquals(end, huffmanLength(text));
    const length = huffmanDecode(out, 0, end, back);
    assertEquals(String.fromCharCode(...back.subarray(0, length)), text);
  }
});
