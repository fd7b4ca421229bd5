import { type ClientHello, ClientHelloParser, ja3Hash, ja4Hash } from "../../src/net/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { clientHello, helloMessage, records, serverNameBody } from "./hello_builder.ts";

const FULL = {
  serverName: "A.Test",
  alpn: ["h2", "http/1.1"],
  versions: [0x0304, 0x0303],
  ciphers: [0x1301, 0xc02b],
  groups: [0x001d],
  signatures: [0x0403],
};

const ROWS: { name: string; wire: Uint8Array; state: string; sni?: string; alpn?: string[] }[] = [
  {
    name: "name and ALPN",
    wire: clientHello(FULL),
    state: "done",
    sni: "a.test",
    alpn: FULL.alpn,
  },
  { name: "no extensions", wire: clientHello(), state: "done", sni: "", alpn: [] },
  {
    name: "a hello in records of one byte (inspector evasion)",
    wire: records(helloMessage(FULL), 1),
    state: "done",
    sni: "a.test",
    alpn: FULL.alpn,
  },
  {
    name: "bytes after the hello",
    wire: Uint8Array.from([...clientHello(FULL), 20, 3, 3, 0, 1, 1]),
    state: "done",
    sni: "a.test",
    alpn: FULL.alpn,
  },
  {
    name: "a NUL in the name (CVE-2022-21656's kind)",
    wire: clientHello({ serverName: "a.test\0.evil.test" }),
    state: "bad",
  },
  { name: "an empty name", wire: clientHello({ serverName: "" }), state: "bad" },
  {
    name: "two server_name extensions",
    wire: clientHello({ serverName: "a.test", more: [[0, serverNameBody("b.test")]] }),
    state: "bad",
  },
  {
    name: "an extension longer than the hello",
    wire: clientHello({ more: [[16, [0, 9, 1]]] }),
    state: "bad",
  },
  { name: "plain text", wire: new TextEncoder().encode("GET / HTTP/1.1\r\n"), state: "bad" },
  { name: "SSL 2", wire: Uint8Array.from([0x80, 0x2e, 1, 0, 2, 0]), state: "bad" },
  { name: "an empty record", wire: Uint8Array.from([22, 3, 1, 0, 0]), state: "bad" },
  { name: "a record beyond 2^14", wire: Uint8Array.from([22, 3, 1, 0x40, 1]), state: "bad" },
  {
    name: "another handshake message",
    wire: Uint8Array.from([22, 3, 1, 0, 4, 2, 0, 0, 0]),
    state: "bad",
  },
  {
    name: "a length beyond the bound",
    wire: Uint8Array.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]),
    state: "too_large",
  },
];

for (const row of ROWS) {
  Deno.test(`ClientHelloParser reads ${row.name}, whole and cut at every byte`, () => {
    for (let cut = 0; cut <= row.wire.length; cut++) {
      const parser = new ClientHelloParser();
      let state = parser.parse(row.wire.subarray(0, cut));
      if (state === "more") state = parser.parse(row.wire);
      assertEquals(state, row.state, `cut at ${cut}`);
      if (row.sni !== undefined) assertEquals(parser.hello?.serverName, row.sni);
      if (row.alpn !== undefined) assertEquals(parser.hello?.alpnProtocols, row.alpn);
    }
  });
}

Deno.test("ClientHelloParser reads a hello that comes byte by byte", () => {
  const wire = clientHello(FULL);
  const parser = new ClientHelloParser();
  for (let size = 1; size < wire.length; size++) {
    assertEquals(parser.parse(wire.subarray(0, size)), "more", `after ${size} bytes`);
  }
  assertEquals(parser.parse(wire), "done");
  const hello = parser.hello!;
  assertEquals(hello.versions, FULL.versions);
  assertEquals(hello.cipherSuites, FULL.ciphers);
  assertEquals(hello.groups, FULL.groups);
  assertEquals(hello.signatureAlgorithms, FULL.signatures);
});

Deno.test("ClientHelloParser gives up on a hello that never ends", () => {
  const parser = new ClientHelloParser(64);
  const wire = records(Uint8Array.from([1, 0, 0, 60, ...new Array<number>(80).fill(0)]), 1);
  assertEquals(parser.parse(wire.subarray(0, 60)), "more");
  assertEquals(parser.parse(wire.subarray(0, 70)), "too_large");
});

const GREASE = 0x1a1a;
const CHROME: ClientHello = {
  serverName: "a.test",
  alpnProtocols: ["h2", "http/1.1"],
  legacyVersion: 0x0303,
  versions: [GREASE, 0x0304, 0x0303],
  cipherSuites: [
    ...[GREASE, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030],
    ...[0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035],
  ],
  extensions: [
    ...[GREASE, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023],
    ...[0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015],
  ],
  groups: [GREASE, 29, 23, 24],
  pointFormats: [0],
  signatureAlgorithms: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
};

Deno.test("ja4Hash gives the example of JA4's own description", () => {
  assertEquals(ja4Hash(CHROME), "t13d1516h2_8daaf6152771_e5627efa2ab1");
});

Deno.test("ja3Hash leaves out GREASE", () => {
  const plain = { ...CHROME, cipherSuites: CHROME.cipherSuites.slice(1) };
  assertEquals(ja3Hash(CHROME), ja3Hash(plain));
  assertEquals(ja3Hash(CHROME).length, 32);
});
