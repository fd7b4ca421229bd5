// IP ranges: parsing is strict, families are kept apart, the longest prefix wins.
import { isIP } from "node:net";
import { SeededRandom } from "../../src/base/mod.ts";
import { CidrMap, cidrOf, compileCidrSet, ipVersion, parseIp } from "../../src/matching/mod.ts";
import type { envoy_config_core_v3_CidrRange } from "../../src/proto/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";

const PARSED: readonly [text: string, want: number | bigint | undefined][] = [
  ["0.0.0.0", 0],
  ["255.255.255.255", 4294967295],
  ["10.1.2.3", 167838211],
  ["10.1.2", undefined],
  ["10.1.2.3.4", undefined],
  ["10.1.2.256", undefined],
  ["10.01.2.3", undefined],
  ["10..2.3", undefined],
  ["0x7f.1.1.1", undefined],
  ["", undefined],
  ["::1", 1n],
  ["2001:db8::", 0x20010db8000000000000000000000000n],
  ["fe80::1%eth0", 0xfe800000000000000000000000000001n],
  ["[::1]", undefined],
  ["host", undefined],
];
for (const [text, want] of PARSED) {
  Deno.test(`parseIp reads "${text}"`, () => assertEquals(parseIp(text), want));
}

const range = (addressPrefix: string, prefixLen?: number): envoy_config_core_v3_CidrRange => ({
  $typeName: "envoy.config.core.v3.CidrRange",
  addressPrefix,
  ...(prefixLen === undefined ? {} : { prefixLen }),
});

const SETS = [
  {
    name: "a /8",
    ranges: [range("10.9.9.9", 8)],
    yes: ["10.0.0.0", "10.255.255.255"],
    no: ["11.0.0.0", "::ffff:10.0.0.1", "x"],
  },
  { name: "an address", ranges: [range("192.0.2.1", 32)], yes: ["192.0.2.1"], no: ["192.0.2.2"] },
  {
    name: "everything, without a length",
    ranges: [range("0.0.0.0")],
    yes: ["1.2.3.4", "255.0.0.1"],
    no: ["::1"],
  },
  {
    name: "high addresses",
    ranges: [range("224.0.0.0", 4)],
    yes: ["239.1.2.3"],
    no: ["223.255.255.255", "240.0.0.0"],
  },
  {
    name: "IPv6",
    ranges: [range("2001:db8::", 32)],
    yes: ["2001:db8:1::5"],
    no: ["2001:db9::", "32.1.13.184"],
  },
  {
    name: "a length beyond the address",
    ranges: [range("10.0.0.1", 64)],
    yes: ["10.0.0.1"],
    no: ["10.0.0.2"],
  },
  { name: "nothing", ranges: [], yes: [], no: ["10.0.0.1"] },
];
for (const row of SETS) {
  Deno.test(`CidrSet holds ${row.name}`, () => {
    const set = compileCidrSet(row.ranges, fakeContext());
    for (const host of row.yes) assertEquals(set.contains(host), true, host);
    for (const host of row.no) assertEquals(set.contains(host), false, host);
  });
}

Deno.test("CidrMap gives the value of the longest prefix", () => {
  const map = new CidrMap<string>();
  map.add(parseIp("10.0.0.0")!, 8, "wide");
  map.add(parseIp("10.1.0.0")!, 16, "narrow");
  map.add(parseIp("10.1.0.0")!, 16, "too late");
  assertEquals([map.get("10.1.2.3"), map.get("10.2.2.3"), map.get("11.0.0.1")], [
    "narrow",
    "wide",
    undefined,
  ]);
  assertEquals(map.all("10.1.2.3"), ["narrow", "wide"]);
});

for (
  const [host, bits, want] of [
    ["127.0.0.1", 16, "127.0.0.0/16"],
    ["10.1.2.3", 0, "0.0.0.0/0"],
    ["2001:db8:1::5", 32, "2001:db8::/32"],
    ["10.0.0.1", 33, undefined],
    ["x", 8, undefined],
  ] as const
) {
  Deno.test(`cidrOf ${host} at ${bits} bits`, () => assertEquals(cidrOf(host, bits), want));
}

// The operating system's own reading (inet_pton behind node:net) is the oracle.
const ADDRESSES: readonly string[] = [
  "",
  ":",
  "::",
  ":::",
  "::1",
  "1::",
  "1::8",
  "::ffff:1.2.3.4",
  "1.2.3.4",
  "01.2.3.4",
  "1.2.3",
  "1.2.3.256",
  "1:2:3:4:5:6:7:8",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7::",
  "::2:3:4:5:6:7:8",
  "1::2::3",
  "1:2:3:4:5:6:7:8:9",
  "12345::",
  "g::",
  "::1.2.3.4",
  "1.2.3.4::",
  "1:2:3:4:5:6:1.2.3.4",
  "1:2:3:4:5:6:7:1.2.3.4",
  "::1.2.3.256",
  "fe80::1%eth0",
  ":1",
  "1:",
  "::ABCD:ef01",
  "0000::",
  "00000::",
  "[::1]",
  " ::1",
  "::1 ",
  "host",
  "1.2.3.4:5",
];
for (const text of ADDRESSES) {
  Deno.test(`ipVersion of "${text}" is the system's`, () => {
    assertEquals(ipVersion(text), isIP(text));
  });
}

Deno.test("ipVersion agrees with the system on 20,000 made-up texts", () => {
  const random = new SeededRandom(6);
  const pieces = ["::", ":", "0", "1", "ffff", "a", "12345", "1.2.3.4", ".", "255", "%e"];
  for (let i = 0; i < 20_000; i++) {
    let text = "";
    for (let left = random.below(14); left > 0; left--) text += pieces[random.below(pieces.length)];
    // What a zone may be is the system's affair: it is left out.
    if (text.includes("%")) text = text.slice(0, text.indexOf("%"));
    assertEquals(ipVersion(text), isIP(text), text);
  }
});
