import { asLatin1 } from "../../../src/base/mod.ts";
import { HpackDecoder } from "../../../src/codec/hpack/decoder.ts";
import { writeInteger } from "../../../src/codec/hpack/encode_table.ts";
import { assertEquals } from "../../support/assert.ts";

/** Bytes of a hex dump; spaces are for reading only. */
function hex(text: string): Uint8Array {
  const digits = text.replaceAll(" ", "");
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, i) => parseInt(digits.slice(i * 2, i * 2 + 2), 16),
  );
}

const REQUESTS = [
  [[":method", "GET"], [":scheme", "http"], [":path", "/"], [":authority", "www.example.com"]],
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
    ["cache-control", "no-cache"],
  ],
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
];
const RESPONSES = [
  [
    [":status", "302"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ],
  [
    [":status", "307"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ],
  [
    [":status", "200"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:22 GMT"],
    ["location", "https://www.example.com"],
    ["content-encoding", "gzip"],
    ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
  ],
];

/** A table of 256 bytes, as appendix C.5 and C.6 assume. */
const SHRINK = "3fe101";

const ROWS = [
  {
    name: "C.2.1 literal with indexing",
    blocks: ["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"],
    want: [[["custom-key", "custom-header"]]],
    sizes: [55],
  },
  {
    name: "C.2.2 literal without indexing",
    blocks: ["040c 2f73 616d 706c 652f 7061 7468"],
    want: [[[":path", "/sample/path"]]],
    sizes: [0],
  },
  {
    name: "C.2.3 literal never indexed",
    blocks: ["1008 7061 7373 776f 7264 0673 6563 7265 74"],
    want: [[["password", "secret"]]],
    sizes: [0],
  },
  { name: "C.2.4 indexed", blocks: ["82"], want: [[[":method", "GET"]]], sizes: [0] },
  {
    name: "C.3 requests without Huffman",
    blocks: [
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ],
    want: REQUESTS,
    sizes: [57, 110, 164],
  },
  {
    name: "C.4 requests with Huffman",
    blocks: [
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ],
    want: REQUESTS,
    sizes: [57, 110, 164],
  },
  {
    name: "C.5 responses without Huffman, with eviction",
    blocks: [
      SHRINK +
      "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a" +
      "3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "4803 3330 37c1 c0bf",
      "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04" +
      "677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49" +
      "553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ],
    want: RESPONSES,
    sizes: [222, 222, 215],
  },
  {
    name: "C.6 responses with Huffman, with eviction",
    blocks: [
      SHRINK +
      "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e" +
      "919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      "4883 640e ffc1 c0bf",
      "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7" +
      "821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed" +
      "4ee5 b106 3d50 07",
    ],
    want: RESPONSES,
    sizes: [222, 222, 215],
  },
] as const;

for (const row of ROWS) {
  Deno.test(`HpackDecoder reads RFC 7541 ${row.name}`, () => {
    const decoder = new HpackDecoder(4096);
    row.blocks.forEach((block, i) => {
      const bytes = asLatin1(hex(block));
      const fields: string[][] = [];
      const error = decoder.decode(bytes, 0, bytes.length, {
        onField: (_id, name, value) => fields.push([name, value]),
      });
      assertEquals(error, undefined);
      assertEquals(fields, row.want[i]);
      assertEquals(decoder.tableSize, row.sizes[i]);
    });
  });
}

const INTEGERS = [
  { name: "C.1.1 10 in five bits", mask: 0x1f, value: 10, want: [10] },
  { name: "C.1.2 1337 in five bits", mask: 0x1f, value: 1337, want: [31, 154, 10] },
  { name: "C.1.3 42 in eight bits", mask: 0xff, value: 42, want: [42] },
] as const;

for (const row of INTEGERS) {
  Deno.test(`writeInteger writes RFC 7541 ${row.name}`, () => {
    const out = new Uint8Array(8);
    const end = writeInteger(out, 0, 0, row.mask, row.value);
    assertEquals([...out.subarray(0, end)], row.want);
  });
}
