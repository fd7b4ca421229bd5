// DNS messages (RFC 1035 §4.1): questions out, answers in, and what a stranger may send.

import { assertEquals } from "../../support/assert.ts";
import { decodeAnswer, encodeQuery } from "../../../src/upstream/dns/message.ts";

/** `hex` without blanks as bytes. */
function bytesOf(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s/g, "");
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, i) => parseInt(digits.slice(i * 2, i * 2 + 2), 16),
  );
}

const QUESTION = "01 61 04 74657374 00 0001 0001"; // a.test A IN
const QUESTION6 = "01 61 04 74657374 00 001c 0001";
const A = "c00c 0001 0001 0000003c 0004 01020304";

const ROWS = [
  {
    name: "one address behind a pointer",
    hex: `0007 8180 0001 0001 0000 0000 ${QUESTION} ${A}`,
    family: 4,
    want: { id: 7, code: 0, isTruncated: false, addresses: [{ host: "1.2.3.4", ttlMs: 60_000 }] },
  },
  {
    name: "an alias, whose TTL counts too",
    hex: `0007 8180 0001 0002 0000 0000 ${QUESTION}
      c00c 0005 0001 0000000a 0004 01 62 c00e
      01 62 c00e 0001 0001 0000003c 0004 01020304`,
    family: 4,
    want: { id: 7, code: 0, isTruncated: false, addresses: [{ host: "1.2.3.4", ttlMs: 10_000 }] },
  },
  {
    name: "IPv6, shortened",
    hex: `0007 8180 0001 0001 0000 0000 ${QUESTION6}
      c00c 001c 0001 0000003c 0010 20010db8000000000000000000000001`,
    family: 6,
    want: {
      id: 7,
      code: 0,
      isTruncated: false,
      addresses: [{ host: "2001:db8::1", ttlMs: 60_000 }],
    },
  },
  {
    name: "NXDOMAIN",
    hex: `0007 8183 0001 0000 0000 0000 ${QUESTION}`,
    family: 4,
    want: { id: 7, code: 3, isTruncated: false, addresses: [] },
  },
  {
    name: "SERVFAIL",
    hex: `0007 8182 0001 0000 0000 0000 ${QUESTION}`,
    family: 4,
    want: { id: 7, code: 2, isTruncated: false, addresses: [] },
  },
  {
    name: "truncated in the middle of a record",
    hex: `0007 8380 0001 0001 0000 0000 ${QUESTION} c00c 0001`,
    family: 4,
    want: { id: 7, code: 0, isTruncated: true, addresses: [] },
  },
  {
    name: "a record of another name (poisoning) is not an address of ours",
    hex: `0007 8180 0001 0001 0000 0000 ${QUESTION}
      01 62 c00e 0001 0001 0000003c 0004 01020304`,
    family: 4,
    want: { id: 7, code: 0, isTruncated: false, addresses: [] },
  },
  {
    name: "a TTL with its highest bit set is 0 (RFC 2181 §8)",
    hex: `0007 8180 0001 0001 0000 0000 ${QUESTION} c00c 0001 0001 ffffffff 0004 01020304`,
    family: 4,
    want: { id: 7, code: 0, isTruncated: false, addresses: [{ host: "1.2.3.4", ttlMs: 0 }] },
  },
  {
    name: "a query is no answer",
    hex: `0007 0100 0001 0000 0000 0000 ${QUESTION}`,
    family: 4,
    want: undefined,
  },
  {
    name: "an answer to another name",
    hex: `0007 8180 0001 0000 0000 0000 01 62 04 74657374 00 0001 0001`,
    family: 4,
    want: undefined,
  },
  {
    name: "an answer of the other family",
    hex: `0007 8180 0001 0000 0000 0000 ${QUESTION6}`,
    family: 4,
    want: undefined,
  },
  {
    name: "a pointer to itself (loop)",
    hex: `0007 8180 0001 0001 0000 0000 c00c 0001 0001`,
    family: 4,
    want: undefined,
  },
  { name: "nothing", hex: "", family: 4, want: undefined },
] as const;

for (const row of ROWS) {
  Deno.test(`decodeAnswer: ${row.name}`, () => {
    assertEquals(decodeAnswer(bytesOf(row.hex), "A.test", row.family), row.want);
  });
}

Deno.test("decodeAnswer: an answer cut at any byte is refused", () => {
  const whole = bytesOf(ROWS[0].hex);
  for (let cut = 0; cut < whole.length; cut++) {
    assertEquals(decodeAnswer(whole.subarray(0, cut), "a.test", 4), undefined, `cut at ${cut}`);
  }
});

Deno.test("encodeQuery asks for one name, with EDNS(0)", () => {
  const query = encodeQuery(0x1234, "a.test", { family: 4, payloadBytes: 1232 });
  const want = `1234 0100 0001 0000 0000 0001 ${QUESTION} 00 0029 04d0 00000000 0000`;
  assertEquals([...query!], [...bytesOf(want)]);
});

for (const name of ["", "a..b", `${"x".repeat(64)}.test`, `${"abcdefg.".repeat(32)}test`]) {
  Deno.test(`encodeQuery refuses "${name.slice(0, 12)}" of ${name.length}`, () => {
    assertEquals(encodeQuery(1, name, { family: 4, payloadBytes: 1232 }), undefined);
  });
}
