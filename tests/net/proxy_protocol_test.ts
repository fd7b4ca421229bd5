import { formatAddress } from "../../src/base/mod.ts";
import { encodeProxyHeader, parseProxyHeader, type ProxyHeader } from "../../src/net/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { bytesOf } from "./fake_transport.ts";
import { u16 } from "./hello_builder.ts";

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const IPV4 = [10, 1, 2, 3, 10, 9, 8, 7, 0x30, 0x39, 0x00, 0x50];
const IPV6 = [
  ...[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ...[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
  ...[0x30, 0x39, 0x00, 0x50],
];

function v2(command: number, family: number, rest: readonly number[]): Uint8Array {
  return Uint8Array.from([...SIGNATURE, command, family, ...u16(rest.length), ...rest]);
}

function show(header: ProxyHeader): string {
  const address = (at: ProxyHeader["source"]): string => at === undefined ? "-" : formatAddress(at);
  const tlvs = header.tlvs.map(({ type, value }) => ` ${type}=${new TextDecoder().decode(value)}`);
  return `v${header.version} ${address(header.source)} ${address(header.destination)}${
    tlvs.join("")
  }`;
}

const ROWS: { name: string; wire: Uint8Array; want: string }[] = [
  {
    name: "v1 TCP4",
    wire: bytesOf("PROXY TCP4 10.1.2.3 10.9.8.7 12345 80\r\n"),
    want: "v1 10.1.2.3:12345 10.9.8.7:80",
  },
  {
    name: "v1 TCP6",
    wire: bytesOf("PROXY TCP6 2001:db8::1 2001:db8::2 12345 80\r\n"),
    want: "v1 [2001:db8::1]:12345 [2001:db8::2]:80",
  },
  { name: "v1 UNKNOWN", wire: bytesOf("PROXY UNKNOWN\r\n"), want: "v1 - -" },
  {
    name: "v1 UNKNOWN with more text",
    wire: bytesOf("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"),
    want: "v1 - -",
  },
  {
    name: "v1 with an address that is none",
    wire: bytesOf("PROXY TCP4 10.1.2 10.9.8.7 12345 80\r\n"),
    want: "error 1",
  },
  {
    name: "v1 with a port beyond 65535",
    wire: bytesOf("PROXY TCP4 10.1.2.3 10.9.8.7 70000 80\r\n"),
    want: "error 1",
  },
  {
    name: "v1 with an unknown family",
    wire: bytesOf("PROXY TCP5 10.1.2.3 10.9.8.7 1 2\r\n"),
    want: "error 1",
  },
  {
    name: "v1 with TCP4 and IPv6 addresses",
    wire: bytesOf("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"),
    want: "error 1",
  },
  {
    name: "v1 with two spaces",
    wire: bytesOf("PROXY  TCP4 10.1.2.3 10.9.8.7 1 2\r\n"),
    want: "error 1",
  },
  {
    name: "v1 of more than 107 bytes",
    wire: bytesOf(`PROXY UNKNOWN ${"x".repeat(120)}\r\n`),
    want: "error 1",
  },
  { name: "v2 IPv4", wire: v2(0x21, 0x11, IPV4), want: "v2 10.1.2.3:12345 10.9.8.7:80" },
  {
    name: "v2 IPv6",
    wire: v2(0x21, 0x21, IPV6),
    want: "v2 [2001:db8::1]:12345 [2001:db8::2]:80",
  },
  {
    name: "v2 with a datagram family, as Envoy",
    wire: v2(0x21, 0x12, IPV4),
    want: "v2 10.1.2.3:12345 10.9.8.7:80",
  },
  { name: "v2 LOCAL without addresses", wire: v2(0x20, 0, []), want: "v2 - -" },
  { name: "v2 LOCAL with addresses", wire: v2(0x20, 0x11, IPV4), want: "v2 - -" },
  {
    name: "v2 with TLVs",
    wire: v2(0x21, 0x11, [...IPV4, 2, 0, 2, 0x61, 0x62, 0xea, 0, 0]),
    want: "v2 10.1.2.3:12345 10.9.8.7:80 2=ab 234=",
  },
  {
    name: "v2 with a TLV longer than the header",
    wire: v2(0x21, 0x11, [...IPV4, 2, 0, 50, 1]),
    want: "error 2",
  },
  { name: "v2 with half a TLV", wire: v2(0x21, 0x11, [...IPV4, 2, 0]), want: "error 2" },
  {
    name: "v2 with too few address bytes",
    wire: v2(0x21, 0x11, IPV4.slice(0, 6)),
    want: "error 2",
  },
  { name: "v2 of another version", wire: v2(0x31, 0x11, IPV4), want: "error 2" },
  { name: "v2 with an unknown command", wire: v2(0x22, 0x11, IPV4), want: "error 2" },
  {
    name: "v2 with a UNIX family",
    wire: v2(0x21, 0x31, new Array<number>(216).fill(0)),
    want: "error 2",
  },
];

for (const row of ROWS) {
  Deno.test(`parseProxyHeader reads ${row.name}, cut at every byte`, () => {
    const whole = Uint8Array.from([...row.wire, 0x68, 0x69]);
    for (let cut = 1; cut <= whole.length; cut++) {
      let parsed = parseProxyHeader(whole.subarray(0, cut));
      if (parsed.state === "more") parsed = parseProxyHeader(whole);
      const got = parsed.state === "done"
        ? show(parsed.header)
        : parsed.state === "error"
        ? `error ${parsed.version}`
        : parsed.state;
      assertEquals(got, row.want, `cut at ${cut}`);
      if (parsed.state === "done") assertEquals(parsed.header.size, row.wire.length);
    }
  });
}

const OTHERS = ["GET / HTTP/1.1\r\n", "PROTO", "\r\n\r\nhello", "hi"];
for (const text of OTHERS) {
  Deno.test(`parseProxyHeader takes ${JSON.stringify(text)} for something else`, () => {
    assertEquals(parseProxyHeader(bytesOf(text)).state, "none");
  });
}

const SOURCE = { kind: "ip", host: "10.1.2.3", port: 12345 } as const;
const DESTINATION = { kind: "ip", host: "10.9.8.7", port: 80 } as const;
const SOURCE6 = { kind: "ip", host: "2001:db8::1", port: 1 } as const;
const DESTINATION6 = { kind: "ip", host: "2001:db8::2", port: 2 } as const;
const ENCODED = [
  { name: "IPv4", source: SOURCE, destination: DESTINATION, want: "10.1.2.3:12345 10.9.8.7:80" },
  {
    name: "IPv6",
    source: SOURCE6,
    destination: DESTINATION6,
    want: "[2001:db8::1]:1 [2001:db8::2]:2",
  },
  { name: "two families", source: SOURCE, destination: DESTINATION6, want: "- -" },
  { name: "no address", source: undefined, destination: undefined, want: "- -" },
] as const;
for (const row of ENCODED) {
  for (const version of [1, 2] as const) {
    Deno.test(`encodeProxyHeader writes version ${version} for ${row.name}`, () => {
      const tlvs = version === 2 ? [{ type: 0xf1, value: bytesOf("added") }] : [];
      const { source, destination } = row;
      const parsed = parseProxyHeader(encodeProxyHeader(version, { source, destination, tlvs }));
      if (parsed.state !== "done") throw new Error(parsed.state);
      // TLVs of a LOCAL header are nobody's.
      const more = version === 2 && row.want !== "- -" ? " 241=added" : "";
      assertEquals(show(parsed.header), `v${version} ${row.want}${more}`);
    });
  }
}
