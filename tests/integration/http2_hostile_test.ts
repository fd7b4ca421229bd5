/**
 * What HTTP/2 peers do to a server with ill will, frame by frame against a real proxy process: each
 * row is an attack, the reaction it must have, and the process serves another client after it and
 * holds little memory.
 */

import { connect as netConnect } from "node:net";
import * as http2 from "node:http2";
import { assertEquals, assertOk } from "../support/assert.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { http1Upstream, type TestUpstream } from "../support/upstreams.ts";
import { frame, uint32 } from "../support/http2.ts";
import { clusterYaml, httpProxyYaml } from "../support/yaml.ts";

const CONFIG = httpProxyYaml({
  manager: `
          stream_idle_timeout: 1s
          delayed_close_timeout: 0.1s
          http2_protocol_options: { max_concurrent_streams: 100 }
          common_http_protocol_options: { idle_timeout: 5s, max_connection_duration: 8s }`,
  routes: `
              - { match: { path: /direct }, direct_response: { status: 200, body: { inline_string: ok } } }
              - { match: { prefix: / }, route: { cluster: web } }`,
  clusters: clusterYaml("web"),
});

const MIB = 1024 * 1024;
const RSS_LIMIT_BYTES = 64 * MIB;
const ATTACK_LIMIT_MS = 6000;

const DATA = 0;
const HEADERS = 1;
const PRIORITY = 2;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const CONTINUATION = 9;
const END_STREAM = 1;
const END_HEADERS = 4;
const PADDED = 8;

type Bytes = readonly number[] | Uint8Array;

/** A literal field that enters no table, its name as text. */
function literal(name: string, value: string): number[] {
  const text = (part: string): number[] => [...lengthOf(part.length), ...bytesOf(part)];
  return [0, ...text(name), ...text(value)];
}

/** An HPACK string length below 2^14 (7-bit prefix, no Huffman). */
function lengthOf(length: number): number[] {
  if (length < 127) return [length];
  const rest = length - 127;
  return rest < 128 ? [127, rest] : [127, rest & 127 | 128, rest >> 7];
}

function bytesOf(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

/** GET http /direct (or another path) to a.test. */
function request(path = "/direct", more: Bytes = []): number[] {
  return [0x82, 0x86, ...literal(":path", path), ...literal(":authority", "a.test"), ...more];
}

function post(path: string, more: Bytes = []): number[] {
  return [0x83, ...request(path, more).slice(1)];
}

const get = (stream: number, path?: string): Uint8Array =>
  frame(HEADERS, END_STREAM | END_HEADERS, stream, request(path));
const open = (stream: number, path = "/hang"): Uint8Array =>
  frame(HEADERS, END_HEADERS, stream, post(path));
const reset = (stream: number): Uint8Array => frame(RST_STREAM, 0, stream, uint32(8));

function join(frames: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(frames.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of frames) {
    all.set(each, at);
    at += each.length;
  }
  return all;
}

function times(count: number, make: (index: number) => Uint8Array): Uint8Array {
  return join(Array.from({ length: count }, (_, index) => make(index)));
}

const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const HELLO = join([PREFACE, frame(SETTINGS, 0, 0), frame(SETTINGS, 1, 0)]);

/** What came back: `goaway 11`, `rst 1 8`, `status` and `closed`, in order and each once. */
type Reaction = readonly string[];

class Peer {
  readonly #seen = new Set<string>();
  #rest = new Uint8Array(0);

  feed(part: Uint8Array): void {
    let all = join([this.#rest, part]);
    while (all.length >= 9) {
      const length = all[0]! << 16 | all[1]! << 8 | all[2]!;
      if (all.length < 9 + length) break;
      this.#onFrame(all[3]!, all.subarray(0, 9 + length));
      all = all.subarray(9 + length);
    }
    this.#rest = all.slice();
  }

  #onFrame(type: number, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    if (type === GOAWAY) this.#seen.add(`goaway ${view.getUint32(13)}`);
    if (type === RST_STREAM) this.#seen.add(`rst ${view.getUint32(9)}`);
    if (type === HEADERS) this.#seen.add("answer");
  }

  get reaction(): string[] {
    return [...this.#seen];
  }
}

interface Attack {
  readonly name: string;
  /** All of it at once, after the connection's beginning. */
  readonly send: () => Uint8Array;
  /** What must be among the reaction. */
  readonly want: Reaction;
  /** The peer never reads, and so never learns of the end: this counter tells. */
  readonly deafUntil?: string;
}

/** Sends the attack and never reads. @returns once the counter has risen, or time is up */
async function attackDeaf(proxy: RunningProxy, row: Attack): Promise<string[]> {
  const counter = row.deafUntil!;
  const before = await proxy.stat(counter);
  const socket = netConnect(proxy.ports["plain"]!, "127.0.0.1");
  socket.on("error", () => {});
  socket.pause();
  socket.write(HELLO);
  socket.write(row.send());
  const limit = performance.now() + ATTACK_LIMIT_MS;
  let now = before;
  while (now === before && performance.now() < limit) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    now = await proxy.stat(counter);
  }
  socket.destroy();
  return now > before ? [counter] : [];
}

/** Sends the attack; ends when the proxy closes, or when all that is wanted has come. */
function attack(port: number, row: Attack): Promise<string[]> {
  return new Promise((resolve) => {
    const socket = netConnect(port, "127.0.0.1");
    const peer = new Peer();
    const finish = (last: readonly string[]): void => {
      clearTimeout(limit);
      socket.destroy();
      resolve([...peer.reaction, ...last]);
    };
    const limit = setTimeout(() => finish(["open"]), ATTACK_LIMIT_MS);
    socket.on("error", () => {});
    socket.on("close", () => finish(["closed"]));
    socket.on("data", (part) => {
      peer.feed(part);
      if (!row.want.includes("closed") && row.want.every((one) => peer.reaction.includes(one))) {
        finish([]);
      }
    });
    socket.write(HELLO);
    socket.write(row.send());
  });
}

const FLOOD = ["goaway 11", "closed"];
const PROTOCOL = ["goaway 1", "closed"];
const indexed = (index: number): number[] => [0x80 | index];

const ROWS: readonly Attack[] = [
  {
    name: "T31 rapid reset, HEADERS and RST_STREAM (CVE-2023-44487)",
    send: () => times(2000, (i) => join([open(2 * i + 1), reset(2 * i + 1)])),
    want: FLOOD,
  },
  {
    name: "T32 MadeYouReset by WINDOW_UPDATE of 0 (CVE-2025-8671)",
    send: () => join([open(1), frame(WINDOW_UPDATE, 0, 1, uint32(0))]),
    want: PROTOCOL,
  },
  {
    name: "T32 MadeYouReset by a window that overflows",
    send: () =>
      times(
        1000,
        (i) => join([open(2 * i + 1), frame(WINDOW_UPDATE, 0, 2 * i + 1, uint32(0x7fffffff))]),
      ),
    want: FLOOD,
  },
  {
    name: "T32 MadeYouReset by PRIORITY of a wrong length",
    send: () => join([open(1), frame(PRIORITY, 0, 1, [0, 0, 0, 0])]),
    want: ["goaway 6", "closed"],
  },
  {
    name: "T32 MadeYouReset by PRIORITY on itself",
    send: () => join([open(1), frame(PRIORITY, 0, 1, [...uint32(1), 0])]),
    want: PROTOCOL,
  },
  {
    name: "T32 MadeYouReset by DATA after END_STREAM",
    send: () =>
      times(1000, (i) => join([get(2 * i + 1, "/hang"), frame(DATA, 0, 2 * i + 1, [120])])),
    want: FLOOD,
  },
  {
    name: "T32 MadeYouReset by HEADERS after END_STREAM",
    send: () => times(1000, (i) => join([get(2 * i + 1, "/hang"), get(2 * i + 1, "/hang")])),
    want: ["closed"],
  },
  {
    name: "T33 CONTINUATION without end (CVE-2024-27919)",
    send: () =>
      join([
        frame(HEADERS, 0, 1, request()),
        times(128, () => frame(CONTINUATION, 0, 1, literal("x", "y".repeat(8000)))),
      ]),
    want: ["closed"],
  },
  {
    name: "T33 empty CONTINUATIONs",
    send: () =>
      join([frame(HEADERS, 0, 1, request()), times(1000, () => frame(CONTINUATION, 0, 1))]),
    want: ["closed"],
  },
  {
    name: "T34 an HPACK bomb: one entry, 12,000 references (CVE-2016-6581)",
    send: () => {
      const entry = [0x40, 1, 120, ...lengthOf(3000), ...bytesOf("y".repeat(3000))];
      const block = request("/direct", [...entry, ...new Array<number>(12_000).fill(0xbe)]);
      return frame(HEADERS, END_STREAM | END_HEADERS, 1, block);
    },
    want: ["rst 2"],
  },
  {
    name: "T34 10,000 cookie crumbs",
    send: () => {
      const crumbs = [
        0x40,
        6,
        ...bytesOf("cookie"),
        1,
        97,
        ...new Array<number>(10_000).fill(0xbe),
      ];
      return frame(HEADERS, END_STREAM | END_HEADERS, 1, request("/direct", crumbs));
    },
    want: ["rst 2"],
  },
  {
    name: "T35 :authority and 5,000 host fields (CVE-2026-73550)",
    send: () => {
      const hosts = [0x40, 4, ...bytesOf("host"), 1, 97, ...new Array<number>(5000).fill(0xbe)];
      return frame(HEADERS, END_STREAM | END_HEADERS, 1, request("/direct", hosts));
    },
    want: PROTOCOL,
  },
  ...([
    ["index 0", indexed(0)],
    ["an index past the table", [0xff, 0xff, 0xff, 0x0f]],
    ["a table larger than announced", [0x3f, 0xe1, 0xff, 0x03]],
    ["a table update in mid-block", [...request(), 0x20]],
    ["bad Huffman padding", [0x00, 0x81, 0x00, 0x01, 97]],
    ["an integer that overflows", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ] as const).map(([name, block]): Attack => ({
    name: `T36 HPACK: ${name}`,
    send: () => frame(HEADERS, END_STREAM | END_HEADERS, 1, block),
    want: ["goaway 9", "closed"],
  })),
  {
    name: "T37 a PING flood of a peer that never reads (CVE-2019-9512)",
    send: () => times(400_000, () => frame(PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])),
    want: ["http2.outbound_control_flood"],
    deafUntil: "http2.outbound_control_flood",
  },
  {
    name: "T37 a SETTINGS flood of a peer that never reads (CVE-2019-9515)",
    send: () => times(800_000, () => frame(SETTINGS, 0, 0)),
    want: ["http2.outbound_control_flood"],
    deafUntil: "http2.outbound_control_flood",
  },
  {
    name: "T38 SETTINGS with 2,000 parameters (CVE-2020-11080)",
    send: () =>
      frame(SETTINGS, 0, 0, Array.from({ length: 2000 }, () => [0, 1, 0, 0, 16, 0]).flat()),
    want: FLOOD,
  },
  {
    name: "T40 empty DATA frames (CVE-2019-9518)",
    send: () => join([open(1), times(1000, () => frame(DATA, 0, 1))]),
    want: FLOOD,
  },
  {
    name: "T40 empty HEADERS frames",
    send: () => times(1000, (i) => frame(HEADERS, 0, 2 * i + 1)),
    want: ["closed"],
  },
  {
    name: "T40 PRIORITY frames (CVE-2019-9513)",
    send: () => times(1000, () => frame(PRIORITY, 0, 1, [0, 0, 0, 3, 0])),
    want: FLOOD,
  },
  {
    name: "T41 20,000 DATA frames of one byte are a body (CVE-2020-12603)",
    send: () =>
      join([
        open(1, "/echo"),
        times(20_000, () => frame(DATA, 0, 1, [120])),
        frame(DATA, END_STREAM, 1),
      ]),
    want: ["answer"],
  },
  {
    name: "T41 DATA of padding only counts as empty",
    send: () =>
      join([
        open(1, "/echo"),
        times(1000, () => frame(DATA, PADDED, 1, [255, ...new Array<number>(255).fill(0)])),
      ]),
    want: FLOOD,
  },
  {
    name: "T42 windows that stay shut: the stream is cut when idle (CVE-2019-9517)",
    send: () => join([frame(SETTINGS, 0, 0, [0, 4, 0, 0, 0, 0]), get(1, "/big")]),
    want: ["answer", "rst 0"],
  },
  {
    name: "T43 WINDOW_UPDATE flood (CVE-2019-9511)",
    send: () => times(10_000, () => frame(WINDOW_UPDATE, 0, 0, uint32(1))),
    want: FLOOD,
  },
  {
    name: "T43 the connection's window overflows",
    send: () => times(2, () => frame(WINDOW_UPDATE, 0, 0, uint32(0x7fffffff))),
    want: ["goaway 3", "closed"],
  },
  {
    name: "T43 a stream's window overflows",
    send: () => join([open(1), times(2, () => frame(WINDOW_UPDATE, 0, 1, uint32(0x7fffffff)))]),
    want: ["rst 3"],
  },
  {
    name: "T44 streams beyond max_concurrent_streams",
    send: () => times(2000, (i) => open(2 * i + 1)),
    want: ["closed"],
  },
  { name: "T44 an even stream id", send: () => get(2), want: ["closed"] },
  {
    name: "T44 DATA on an idle stream",
    send: () => frame(DATA, 0, 5, [120]),
    want: PROTOCOL,
  },
  {
    name: "T45 fields with empty names (CVE-2019-9516)",
    send: () =>
      frame(
        HEADERS,
        END_STREAM | END_HEADERS,
        1,
        request("/direct", Array.from({ length: 3000 }, () => literal("", "")).flat()),
      ),
    want: ["closed"],
  },
  {
    name: "T46 DATA and trailers after our reset are dropped",
    send: () =>
      join([
        open(1, "/echo"),
        times(2, () => frame(WINDOW_UPDATE, 0, 1, uint32(0x7fffffff))),
        frame(DATA, 0, 1, [120]),
        frame(HEADERS, END_STREAM | END_HEADERS, 1, literal("x", "y")),
        get(3),
      ]),
    want: ["rst 3", "answer"],
  },
  {
    name: "T46 trailers without END_STREAM",
    send: () => join([open(1, "/echo"), frame(HEADERS, END_HEADERS, 1, literal("x", "y"))]),
    want: ["closed"],
  },
  {
    name: "T47 a frame larger than announced",
    send: () => join([open(1, "/echo"), frame(DATA, 0, 1, new Uint8Array(16_385))]),
    want: ["goaway 6", "closed"],
  },
  {
    name: "T47 unknown types, flags and the reserved bit are ignored",
    send: () =>
      join([
        frame(200, 255, 0x80000001, [1, 2, 3]),
        frame(PING, 0xfe, 0x80000000, [1, 2, 3, 4, 5, 6, 7, 8]),
        get(1),
      ]),
    want: ["answer"],
  },
];

/** Resident bytes of a process; 0 where the system does not tell. */
function rssOf(pid: number): number {
  if (Deno.build.os !== "linux") return 0;
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

/** The status another client gets. */
async function serves(port: number): Promise<number> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  return await new Promise((resolve) => {
    const stream = session.request({ ":path": "/echo" });
    stream.on("response", (headers) => resolve(Number(headers[":status"])));
    stream.on("error", () => resolve(0));
    stream.resume();
  }).finally(() => session.destroy()) as number;
}

async function withProxy(
  test: (proxy: RunningProxy, web: TestUpstream) => Promise<void>,
): Promise<void> {
  const web = await http1Upstream((incoming, response) => {
    if (incoming.url === "/hang") return;
    if (incoming.url === "/big") return void response.end("x".repeat(100_000));
    incoming.resume();
    incoming.on("end", () => response.end("ok"));
  });
  const proxy = await startProxy({
    config: CONFIG,
    ports: { web: web.port },
    args: ["--concurrency", "1", "--drain-time-s", "1"],
  });
  try {
    await test(proxy, web);
  } finally {
    const code = await proxy.stop();
    await web.close();
    assertEquals([code, proxy.stderr()], [0, ""]);
  }
}

Deno.test("HTTP/2 attacks: each is met, and the proxy serves on", async (t) => {
  await withProxy(async (proxy, web) => {
    const port = proxy.ports["plain"]!;
    assertEquals(await serves(port), 200);
    const before = rssOf(proxy.pid);
    for (const row of ROWS) {
      await t.step(row.name, async () => {
        const reaction = row.deafUntil === undefined
          ? await attack(port, row)
          : await attackDeaf(proxy, row);
        const missing = row.want.filter((one) => !reaction.includes(one));
        assertEquals(missing, [], `the reaction was ${reaction.join(", ")}`);
        assertEquals(await serves(port), 200);
      });
    }
    const grown = rssOf(proxy.pid) - before;
    assertOk(grown < RSS_LIMIT_BYTES, `the proxy grew by ${grown / MIB} MiB`);
    assertOk(web.seen() < 4000, `the upstream saw ${web.seen()} requests`);
    assertEquals(await proxy.stat("denvoy.worker_faults"), 0);
  });
});

Deno.test("T48 a connection kept by PINGs ends at max_connection_duration", async () => {
  await withProxy(async (proxy) => {
    const socket = netConnect(proxy.ports["plain"]!, "127.0.0.1");
    const peer = new Peer();
    socket.on("error", () => {});
    socket.on("data", (part) => peer.feed(part));
    socket.write(HELLO);
    const pings = setInterval(() => socket.write(frame(PING, 0, 0, new Uint8Array(8))), 200);
    await new Promise<void>((resolve) => socket.on("close", () => resolve()));
    clearInterval(pings);
    assertOk(peer.reaction.includes("goaway 0"), peer.reaction.join(", "));
  });
});
