// The resolver: literals, hosts file, localhost, servers with retries, search domains, families.

import { assertEquals } from "../../support/assert.ts";
import { type Address, Dispatcher } from "../../../src/base/mod.ts";
import type { DnsTransport } from "../../../src/upstream/dns/client.ts";
import {
  parseHosts,
  parseResolvConf,
  searchNames,
} from "../../../src/upstream/dns/system_files.ts";
import { SystemResolver } from "../../../src/upstream/dns/system_resolver.ts";
import type { LookupFamily } from "../../../src/upstream/main/discovery.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const HOSTS =
  "127.0.0.1 localhost\n::1 localhost ip6-localhost # six\n10.0.0.7 Seven.test seven\nbad x\n";

/** What the server says to a question: code and addresses, or silence. */
type Say = (name: string, type: string, server: string) =>
  | { readonly code?: number; readonly addresses?: readonly string[]; readonly truncated?: boolean }
  | undefined;

/** A server whose answers come in a turn of their own. */
function serverOf(dispatcher: Dispatcher, asked: string[], say: Say): DnsTransport {
  return {
    exchange(server: Address, query, onBytes) {
      const labels: string[] = [];
      let at = 12;
      for (; query[at] !== 0; at += query[at]! + 1) {
        labels.push(String.fromCharCode(...query.subarray(at + 1, at + 1 + query[at]!)));
      }
      const type = query[at + 2] === 1 ? "A" : "AAAA";
      const host = server.kind === "ip" ? server.host : "";
      const name = labels.join(".");
      asked.push(`${name} ${type} @${host}`);
      const answer = say(name, type, host);
      if (answer !== undefined) {
        const bytes = answerTo(query.subarray(0, at + 5), answer, type);
        dispatcher.defer(() => onBytes(bytes));
      }
      return { close() {} };
    },
  };
}

function answerTo(
  question: Uint8Array,
  answer: {
    readonly code?: number;
    readonly addresses?: readonly string[];
    readonly truncated?: boolean;
  },
  type: string,
): Uint8Array {
  const addresses = answer.addresses ?? [];
  const bytes = [...question];
  bytes[2] = answer.truncated === true ? 0x83 : 0x81;
  bytes[3] = answer.code ?? 0;
  bytes[7] = addresses.length;
  bytes[11] = 0;
  for (const address of addresses) {
    const data = type === "A"
      ? address.split(".").map(Number)
      : [...Array(15).fill(0), Number(address.slice(2))];
    bytes.push(0xc0, 12, 0, type === "A" ? 1 : 28, 0, 1, 0, 0, 0, 9, 0, data.length, ...data);
  }
  return Uint8Array.from(bytes);
}

function resolve(
  name: string,
  family: LookupFamily,
  options: { readonly say?: Say; readonly conf?: string; readonly waitMs?: number } = {},
): { readonly answer: string; readonly asked: readonly string[] } {
  const clock = new FakeClock();
  const dispatcher = new Dispatcher({ clock, sleeper: clock });
  const asked: string[] = [];
  const udp = serverOf(dispatcher, asked, options.say ?? (() => undefined));
  const resolver = new SystemResolver({
    dispatcher,
    options: {
      servers: [],
      usesTcp: false,
      noSearchDomains: false,
      timeoutMs: undefined,
      tries: undefined,
    },
    files: {
      readHosts: () => HOSTS,
      readResolvConf: () => options.conf ?? "nameserver 10.0.0.1\n",
    },
    udp,
    tcp: serverOf(dispatcher, asked, () => ({ addresses: ["9.9.9.9"] })),
  });
  let text = "nothing";
  dispatcher.run(() =>
    void resolver.resolve(name, family, ({ status, addresses }) => {
      text = [status, ...addresses.map((address) => address.host)].join(" ");
    })
  );
  if (options.waitMs !== undefined) clock.advance(options.waitMs);
  return { answer: text, asked };
}

const ROWS: readonly {
  readonly name: string;
  readonly host: string;
  readonly family: LookupFamily;
  readonly say?: Say;
  readonly conf?: string;
  readonly waitMs?: number;
  readonly answer: string;
  readonly asked?: readonly string[];
}[] = [
  { name: "an IPv4 literal", host: "1.2.3.4", family: "auto", answer: "completed 1.2.3.4" },
  {
    name: "an IPv4 literal where only IPv6 is wanted",
    host: "1.2.3.4",
    family: "v6_only",
    answer: "completed",
  },
  { name: "localhost, IPv6 first", host: "localhost", family: "auto", answer: "completed ::1" },
  {
    name: "localhost, IPv4 only",
    host: "LOCALHOST",
    family: "v4_only",
    answer: "completed 127.0.0.1",
  },
  {
    name: "a name of the hosts file",
    host: "seven.test",
    family: "v4_only",
    answer: "completed 10.0.0.7",
  },
  {
    name: "below localhost (RFC 6761)",
    host: "x.localhost",
    family: "v4_preferred",
    answer: "completed 127.0.0.1",
  },
  {
    name: "auto asks for IPv6, then IPv4",
    host: "a.test",
    family: "auto",
    say: (_name, type) => ({ addresses: type === "A" ? ["1.1.1.1"] : [] }),
    answer: "completed 1.1.1.1",
    asked: ["a.test AAAA @10.0.0.1", "a.test A @10.0.0.1"],
  },
  {
    name: "all wants both families",
    host: "a.test",
    family: "all",
    say: (_name, type) => ({ addresses: type === "A" ? ["1.1.1.1", "2.2.2.2"] : ["::5"] }),
    answer: "completed 1.1.1.1 2.2.2.2 ::5",
  },
  {
    name: "NXDOMAIN completes with nothing",
    host: "a.test",
    family: "v4_only",
    say: () => ({ code: 3 }),
    answer: "completed",
  },
  {
    name: "SERVFAIL tries the next server",
    host: "a.test",
    family: "v4_only",
    conf: "nameserver 10.0.0.1\nnameserver 10.0.0.2\n",
    say: (_name, _type, server) => server === "10.0.0.1" ? { code: 2 } : { addresses: ["3.3.3.3"] },
    answer: "completed 3.3.3.3",
    asked: ["a.test A @10.0.0.1", "a.test A @10.0.0.2"],
  },
  {
    name: "SERVFAIL everywhere fails",
    host: "a.test",
    family: "v4_only",
    conf: "nameserver 10.0.0.1\noptions attempts:2\n",
    say: () => ({ code: 2 }),
    answer: "failed",
    asked: ["a.test A @10.0.0.1", "a.test A @10.0.0.1"],
  },
  {
    name: "silence fails after all tries",
    host: "a.test",
    family: "v4_only",
    conf: "nameserver 10.0.0.1\noptions timeout:1 attempts:2\n",
    waitMs: 2100,
    answer: "failed",
  },
  {
    name: "a cut answer is asked for again by TCP",
    host: "a.test",
    family: "v4_only",
    say: () => ({ truncated: true }),
    answer: "completed 9.9.9.9",
    asked: ["a.test A @10.0.0.1", "a.test A @10.0.0.1"],
  },
  {
    name: "a short name tries the search domains first",
    host: "web",
    family: "v4_only",
    conf: "nameserver 10.0.0.1\nsearch ns.svc svc\n",
    say: (name) => name === "web.svc" ? { addresses: ["4.4.4.4"] } : { code: 3 },
    answer: "completed 4.4.4.4",
    asked: ["web.ns.svc A @10.0.0.1", "web.svc A @10.0.0.1"],
  },
  {
    name: "no server at all",
    host: "a.test",
    family: "v4_only",
    conf: "",
    answer: "failed",
    asked: [],
  },
];

for (const row of ROWS) {
  Deno.test(`SystemResolver: ${row.name}`, () => {
    const { answer, asked } = resolve(row.host, row.family, row);
    assertEquals(answer, row.answer);
    if (row.asked !== undefined) assertEquals(asked, row.asked);
  });
}

Deno.test("parseHosts reads names in any case and drops comments and nonsense", () => {
  const table = parseHosts(HOSTS);
  assertEquals(table.get("localhost"), ["127.0.0.1", "::1"]);
  assertEquals([table.get("seven"), table.get("x"), table.get("six")], [
    ["10.0.0.7"],
    undefined,
    undefined,
  ]);
});

Deno.test("parseResolvConf reads servers, search and options", () => {
  const conf = parseResolvConf(
    "# comment\nnameserver 1.1.1.1 ; why\nnameserver fe80::1%eth0\nnameserver x\nsearch a b\noptions ndots:5 timeout:2 attempts:9 rotate\n",
  );
  assertEquals(conf, {
    servers: [
      { kind: "ip", host: "1.1.1.1", port: 53 },
      { kind: "ip", host: "fe80::1", port: 53 },
    ],
    search: ["a", "b"],
    ndots: 5,
    timeoutMs: 2000,
    attempts: 5,
  });
});

Deno.test("searchNames: enough dots, too few, and a final dot", () => {
  const conf = { ...parseResolvConf("search s\noptions ndots:2\n") };
  assertEquals(searchNames("a.b.c", conf), ["a.b.c", "a.b.c.s"]);
  assertEquals(searchNames("a.b", conf), ["a.b.s", "a.b"]);
  assertEquals(searchNames("a.", conf), ["a."]);
});
