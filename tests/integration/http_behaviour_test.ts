// What users of Envoy meet beyond plain requests: early answers, bare answers, retries and
// redirects with bodies, timeouts in mid-body, slow readers. Each row was compared with Envoy 1.40.
import { assertEquals, assertOk } from "../support/assert.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";

const BUFFER_BYTES = 32_768;
/** More than kernels hold for a reader that stops: tcp_wmem and tcp_rmem end at 4 and 6 MiB. */
const HUGE_BYTES = 32 << 20;
const PIECE_BYTES = 1 << 20;
const WEIGHTED_REQUESTS = 2_000;

/** One request as the upstream has read it. */
interface Seen {
  readonly method: string;
  readonly name: string;
  readonly bodyBytes: number;
}

/** What an upstream writes on a request's head, and after its body; "" closes, undefined waits. */
interface Script {
  readonly onHead?: string;
  readonly onEnd?: string | ((seen: Seen, count: number, host: string) => string);
  /** Zeros written after the answer. */
  readonly fill?: number;
  readonly closes?: boolean;
}

const OK = "HTTP/1.1 200 OK\r\n";
const redirect = (status: number): Script => ({
  onEnd: (_seen, _count, host) =>
    `HTTP/1.1 ${status} R\r\nlocation: http://${host}/x/echo\r\ncontent-length: 3\r\n\r\nred`,
});
const SCRIPTS: Readonly<Record<string, Script>> = {
  early: { onHead: "HTTP/1.1 413 Large\r\ncontent-length: 4\r\n\r\nnope" },
  continue: { onHead: "HTTP/1.1 100 Continue\r\n\r\n", onEnd: echo },
  head_chunked: { onHead: `${OK}transfer-encoding: chunked\r\n\r\n` },
  head_length: { onHead: `${OK}content-length: 100\r\n\r\n` },
  not_modified: { onEnd: "HTTP/1.1 304 Not Modified\r\ncontent-length: 50\r\n\r\n" },
  no_content: { onEnd: "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n" },
  until_close: { onEnd: `${OK}\r\nuntil the end`, closes: true },
  cut: { onEnd: `${OK}content-length: 10\r\n\r\nhello`, closes: true },
  two_lengths: { onEnd: `${OK}content-length: 2\r\ncontent-length: 2\r\n\r\nok` },
  smuggled: { onEnd: `${OK}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n` },
  excess: { onEnd: `${OK}content-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n` },
  stalled: { onEnd: `${OK}content-length: 10\r\n\r\nhello` },
  slow: {},
  fails_once: {
    onEnd: (seen, count) =>
      count === 1 ? "HTTP/1.1 503 S\r\ncontent-length: 3\r\n\r\nbad" : echo(seen),
  },
  closes_once: { onEnd: (seen, count) => count === 1 ? "" : echo(seen) },
  redirect302: redirect(302),
  redirect303: redirect(303),
  redirect307: redirect(307),
  huge: { onEnd: `${OK}content-length: ${HUGE_BYTES}\r\n\r\n`, fill: HUGE_BYTES },
};

function echo(seen: Seen): string {
  const text = `${seen.method} ${seen.bodyBytes}`;
  return `${OK}content-length: ${text.length}\r\n\r\n${seen.method === "HEAD" ? "" : text}`;
}

/** Reads text up to a mark or for a count of characters; each byte is one character. */
class TextReader {
  readonly #conn: Deno.Conn;
  readonly #chunk = new Uint8Array(65_536);
  #text = "";
  hasEnded = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Up to and with the mark; all there is if the peer ends first. */
  async until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf(mark);
      if (at >= 0) return this.#take(at + mark.length);
      if (!(await this.#fill())) return this.#take(this.#text.length);
    }
  }

  async exactly(length: number): Promise<string> {
    while (this.#text.length < length && await this.#fill());
    return this.#take(length);
  }

  /** Reads on without keeping what it reads, which may be large. */
  async count(length: number): Promise<number> {
    let total = this.#take(length).length;
    while (total < length) {
      const count = await this.#conn.read(this.#chunk);
      if (count === null) break;
      total += count;
    }
    return total;
  }

  async toEnd(): Promise<string> {
    while (await this.#fill());
    return this.#take(this.#text.length);
  }

  #take(length: number): string {
    const text = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return text;
  }

  async #fill(): Promise<boolean> {
    const count = await this.#conn.read(this.#chunk).catch(() => null);
    this.hasEnded = count === null;
    if (count === null) return false;
    this.#text += String.fromCharCode(...this.#chunk.subarray(0, Math.min(count, 32_768)));
    if (count > 32_768) this.#text += String.fromCharCode(...this.#chunk.subarray(32_768, count));
    return true;
  }
}

async function write(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  await writeBytes(conn, bytes);
}

async function writeBytes(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

async function writeZeros(conn: Deno.Conn, count: number): Promise<void> {
  const piece = new Uint8Array(PIECE_BYTES);
  for (let at = 0; at < count; at += PIECE_BYTES) {
    await writeBytes(conn, piece.subarray(0, Math.min(PIECE_BYTES, count - at)));
  }
}

/** An upstream that follows SCRIPTS by the last piece of the path; other names get the echo. */
class ScriptedUpstream {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #counts = new Map<string, number>();
  readonly #conns = new Set<Deno.Conn>();
  readonly seen: Seen[] = [];
  readonly #served: Promise<void>;

  constructor() {
    this.#served = this.#accept();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  forget(): void {
    this.seen.length = 0;
    this.#counts.clear();
  }

  async close(): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) conn.close();
    await this.#served;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    try {
      for await (const conn of this.#listener) serving.push(this.#serve(conn));
    } catch {
      // Closed.
    }
    await Promise.all(serving);
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    this.#conns.add(conn);
    const reader = new TextReader(conn);
    try {
      while (!reader.hasEnded && await this.#exchange(conn, reader));
    } catch {
      // The proxy has left.
    }
    if (this.#conns.delete(conn)) conn.close();
  }

  async #exchange(conn: Deno.Conn, reader: TextReader): Promise<boolean> {
    const head = await reader.until("\r\n\r\n");
    if (!head.endsWith("\r\n\r\n")) return false;
    const [method = "", target = ""] = head.split(" ");
    const name = target.split("?")[0]!.split("/").at(-1)!;
    const script = SCRIPTS[name] ?? { onEnd: echo };
    if (script.onHead !== undefined) await write(conn, script.onHead);
    const bodyBytes = await readBody(head, reader);
    if (bodyBytes < 0) return false;
    const seen = { method, name, bodyBytes };
    this.seen.push(seen);
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    const host = /^host: (.*)\r$/m.exec(head)?.[1] ?? "";
    const { onEnd } = script;
    const answer = typeof onEnd === "function" ? onEnd(seen, count, host) : onEnd;
    if (answer !== undefined) await write(conn, answer);
    if (script.fill !== undefined) await writeZeros(conn, script.fill);
    return answer !== "" && script.closes !== true;
  }
}

/** @returns the body's size, -1 if the proxy left before its end */
async function readBody(head: string, reader: TextReader): Promise<number> {
  const length = Number(/^content-length: (\d+)\r$/m.exec(head)?.[1] ?? 0);
  if (!/^transfer-encoding: chunked\r$/m.test(head)) {
    return (await reader.exactly(length)).length === length ? length : -1;
  }
  for (let total = 0;;) {
    const size = Number.parseInt(await reader.until("\r\n"), 16);
    if (Number.isNaN(size)) return -1;
    await reader.exactly(size + 2);
    if (size === 0) return total;
    total += size;
  }
}

const cluster = (name: string): string => `
  - name: ${name}
    per_connection_buffer_limit_bytes: ${BUFFER_BYTES}
    load_assignment:
      cluster_name: ${name}
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{${name}}} } } }`;
const listener = (name: string, options: string): string => `
  - name: ${name}
    address: { socket_address: { address: 127.0.0.1, port_value: {{${name}}} } }
    per_connection_buffer_limit_bytes: ${BUFFER_BYTES}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ${name}
          ${options}
          http_filters:
          - name: router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: /retry }
                route: { cluster: up, retry_policy: { retry_on: "5xx,reset", num_retries: 2, retry_back_off: { base_interval: 0.001s } } }
              - match: { prefix: /redirect }
                route: { cluster: up, internal_redirect_policy: { redirect_response_codes: [302, 303, 307] } }
              - match: { prefix: /timeout }
                route: { cluster: up, timeout: 0.1s }
              - match: { prefix: /idle }
                route: { cluster: up, timeout: 0s, idle_timeout: 0.1s }
              - match: { prefix: /direct }
                direct_response: { status: 403, body: { inline_string: denied } }
              - match: { prefix: /weighted }
                route: { weighted_clusters: { clusters: [{ name: up, weight: 70 }, { name: other, weight: 30 }] } }
              - match: { prefix: / }
                route: { cluster: up }`;
const CONFIG = `
admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{admin}} } } }
static_resources:
  listeners:${listener("plain", "")}${listener("continues", "proxy_100_continue: true")}${
  listener("hurried", "request_timeout: 0.1s")
}
  clusters:${cluster("up")}${cluster("other")}
`;

/** A dialogue: what is sent, and the mark in the answer after which the next piece goes out. */
interface Row {
  readonly name: string;
  readonly port?: string;
  readonly steps: readonly (readonly [send: string, until: string])[];
  /** The answer without headers that vary or are the same everywhere. */
  readonly want: string;
  /** Whether the proxy closes after it. */
  readonly closes?: true;
  /** What reached the upstream; not looked at if absent. */
  readonly seen?: readonly string[];
}

const get = (path: string, method = "GET"): string =>
  `${method} ${path} HTTP/1.1\r\nhost: h\r\n\r\n`;
const post = (path: string, length: number, more = ""): string =>
  `POST ${path} HTTP/1.1\r\nhost: h\r\ncontent-length: ${length}\r\n${more}\r\n`;
const EXPECT = "expect: 100-continue\r\n";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const answer = (line: string, body: string, ...headers: readonly string[]): string =>
  [`HTTP/1.1 ${line}`, ...headers, "", body].join("\r\n");
const plain = (body: string): string => answer("200 OK", body, `content-length: ${body.length}`);
const reply = (line: string, body: string, ...headers: readonly string[]): string =>
  answer(line, body, `content-length: ${body.length}`, "content-type: text/plain", ...headers);
const CLOSE = "connection: close";
const RESET = "upstream connect error or disconnect/reset before headers. reset reason: ";

// deno-fmt-ignore
const ROWS: readonly Row[] = [
  { name: "Expect is answered by the proxy", steps: [[post("/x/echo", 5, EXPECT), "\r\n\r\n"], ["hello", "POST 5"]], want: CONTINUE + plain("POST 5") },
  { name: "Expect goes to the upstream with proxy_100_continue", port: "continues", steps: [[post("/x/continue", 5, EXPECT), "\r\n\r\n"], ["hello", "POST 5"]], want: CONTINUE + plain("POST 5") },
  { name: "a refusal in place of 100 closes", port: "continues", steps: [[post("/x/early", 5, EXPECT), "nope"]], want: answer("413 Payload Too Large", "nope", "content-length: 4", CLOSE), closes: true },
  { name: "a direct response in place of 100 closes", port: "continues", steps: [[post("/direct", 5, EXPECT), "denied"]], want: reply("403 Forbidden", "denied", CLOSE), closes: true },
  { name: "an answer before the end of the request closes", steps: [[post("/x/early", 10) + "hello", "nope"]], want: answer("413 Payload Too Large", "nope", "content-length: 4", CLOSE), closes: true },
  { name: "a local reply to an unread body closes", steps: [[post("/direct", 10) + "hello", "denied"]], want: reply("403 Forbidden", "denied", CLOSE), closes: true },
  { name: "HEAD and a chunked upstream, then a GET", steps: [[get("/x/head_chunked", "HEAD"), "\r\n\r\n"], [get("/x/echo"), "GET 0"]], want: answer("200 OK", "", "transfer-encoding: chunked") + plain("GET 0") },
  { name: "HEAD keeps the length", steps: [[get("/x/head_length", "HEAD"), "\r\n\r\n"], [get("/x/echo"), "GET 0"]], want: answer("200 OK", "", "content-length: 100") + plain("GET 0") },
  { name: "304 with a length has no body", steps: [[get("/x/not_modified"), "\r\n\r\n"], [get("/x/echo"), "GET 0"]], want: answer("304 Not Modified", "", "content-length: 50") + plain("GET 0") },
  { name: "204 loses its length", steps: [[get("/x/no_content"), "\r\n\r\n"]], want: answer("204 No Content", "") },
  { name: "a body until close becomes chunks", steps: [[get("/x/until_close"), "0\r\n\r\n"]], want: answer("200 OK", "d\r\nuntil the end\r\n0\r\n\r\n", "transfer-encoding: chunked") },
  { name: "a body cut short closes", steps: [[get("/x/cut"), "hello"]], want: answer("200 OK", "hello", "content-length: 10"), closes: true },
  { name: "two lengths of an upstream are refused", steps: [[get("/x/two_lengths"), "protocol error"]], want: reply("502 Bad Gateway", `${RESET}protocol error`) },
  { name: "length and chunks of an upstream are refused (smuggling)", steps: [[get("/x/smuggled"), "protocol error"]], want: reply("502 Bad Gateway", `${RESET}protocol error`) },
  { name: "bytes after a response never answer the next request", steps: [[get("/x/excess"), "ok"], [get("/x/echo"), "GET 0"]], want: plain("ok") + plain("GET 0") },
  { name: "pipelined requests are answered in order", steps: [[get("/x/echo") + post("/x/echo", 3) + "abc" + get("/direct"), "denied"]], want: plain("GET 0") + plain("POST 3") + reply("403 Forbidden", "denied") },
  { name: "nothing after connection: close is served", steps: [[get("/x/echo").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n") + get("/x/late"), "GET 0"]], want: answer("200 OK", "GET 0", "content-length: 5", CLOSE), closes: true, seen: ["GET echo 0"] },
  { name: "proxy-connection: close closes", steps: [[get("/x/echo").replace("\r\n\r\n", "\r\nproxy-connection: close\r\n\r\n"), "GET 0"]], want: answer("200 OK", "GET 0", "content-length: 5", CLOSE), closes: true },
  { name: "a target of 50 kB", steps: [[get(`/x/echo?${"q".repeat(50_000)}`), "GET 0"]], want: plain("GET 0") },
  { name: "a target above the limit", steps: [[get(`/x/echo?${"q".repeat(70_000)}`), "\r\n\r\n"]], want: answer("431 Request Header Fields Too Large", "", "content-length: 31", "content-type: text/plain", CLOSE), seen: [] },
  { name: "a body of 100 kB passes whole", steps: [[post("/x/echo", 100_000) + "b".repeat(100_000), "POST 100000"]], want: plain("POST 100000") },
  { name: "a retry sends the body again", steps: [[post("/retry/fails_once", 20_000) + "b".repeat(20_000), "POST 20000"]], want: plain("POST 20000"), seen: ["POST fails_once 20000", "POST fails_once 20000"] },
  { name: "a retry after a closed connection sends the body again", steps: [[post("/retry/closes_once", 5) + "hello", "POST 5"]], want: plain("POST 5"), seen: ["POST closes_once 5", "POST closes_once 5"] },
  { name: "a body above the buffer limit is not retried", steps: [[post("/retry/fails_once", 100_000) + "b".repeat(100_000), "bad"]], want: answer("503 Service Unavailable", "bad", "content-length: 3"), seen: ["POST fails_once 100000"] },
  { name: "an internal redirect of 307 sends the body again", steps: [[post("/redirect/redirect307", 5) + "hello", "POST 5"]], want: plain("POST 5"), seen: ["POST redirect307 5", "POST echo 5"] },
  { name: "an internal redirect of 303 becomes GET", steps: [[post("/redirect/redirect303", 5) + "hello", "GET 0"]], want: plain("GET 0"), seen: ["POST redirect303 5", "GET echo 0"] },
  { name: "the route's timeout", steps: [[get("/timeout/slow"), "timeout"]], want: reply("504 Gateway Timeout", "upstream request timeout") },
  { name: "the route's timeout in mid-response closes", steps: [[get("/timeout/stalled"), "hello"]], want: answer("200 OK", "hello", "content-length: 10"), closes: true },
  { name: "the route's idle timeout", steps: [[get("/idle/slow"), "stream timeout"]], want: reply("504 Gateway Timeout", "stream timeout") },
  { name: "request_timeout in mid-body", port: "hurried", steps: [[post("/x/echo", 10) + "hello", "request timeout"]], want: reply("408 Request Timeout", "request timeout", CLOSE), closes: true, seen: [] },
];

/** Takes out what varies, what every answer has, and the exact body of what no row is about. */
function settled(text: string): string {
  return text.replaceAll(/(?:date|server|x-envoy-upstream-service-time): [^\r]*\r\n/g, "");
}

async function dialogue(row: Row, port: number): Promise<readonly [text: string, closes: boolean]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    const reader = new TextReader(conn);
    let text = "";
    for (const [send, until] of row.steps) {
      await write(conn, send).catch(() => {});
      text += await reader.until(until);
    }
    if (row.closes !== true) return [text, reader.hasEnded];
    text += await reader.toEnd();
    return [text, true];
  } finally {
    conn.close();
  }
}

/** The answer of a whole large download, whose reader stops until the proxy has stopped reading too. */
async function readSlowly(proxy: RunningProxy): Promise<number> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: proxy.ports["plain"]! });
  try {
    await write(conn, get("/x/huge"));
    const paused = "cluster.up.upstream_flow_control_paused_reading_total";
    for (let i = 0; i < 500 && !((await proxy.stat(paused)) > 0); i++);
    assertOk((await proxy.stat(paused)) > 0, "the upstream is never paused");
    const reader = new TextReader(conn);
    await reader.until("\r\n\r\n");
    return await reader.count(HUGE_BYTES);
  } finally {
    conn.close();
  }
}

async function weightedShare(proxy: RunningProxy, up: ScriptedUpstream): Promise<number> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: proxy.ports["plain"]! });
  try {
    const reader = new TextReader(conn);
    up.forget();
    for (let i = 0; i < WEIGHTED_REQUESTS; i++) {
      await write(conn, get("/weighted/echo"));
      await reader.until("GET 0");
    }
    return up.seen.length / WEIGHTED_REQUESTS;
  } finally {
    conn.close();
  }
}

Deno.test("HTTP/1 behaves as users of Envoy expect", async (t) => {
  const up = new ScriptedUpstream();
  const other = new ScriptedUpstream();
  const proxy = await startProxy({
    config: CONFIG,
    args: ["--concurrency", "1", "--drain-time-s", "1"],
    ports: { up: up.port, other: other.port },
  });
  try {
    for (const row of ROWS) {
      await t.step(row.name, async () => {
        up.forget();
        const [text, closes] = await dialogue(row, proxy.ports[row.port ?? "plain"]!);
        assertEquals(settled(text), row.want);
        assertEquals(closes, row.closes === true);
        if (row.seen === undefined) return;
        const seen = up.seen.map(({ method, name, bodyBytes }) => `${method} ${name} ${bodyBytes}`);
        assertEquals(seen, row.seen);
      });
    }
    await t.step("a slow reader pauses the upstream and loses nothing", async () => {
      assertEquals(await readSlowly(proxy), HUGE_BYTES);
    });
    await t.step("weighted clusters share as configured", async () => {
      const share = await weightedShare(proxy, up);
      // Five standard deviations: fails once in millions of runs.
      assertOk(Math.abs(share - 0.7) < 0.052, `${share} in place of 0.7`);
    });
  } finally {
    await proxy.stop();
    await up.close();
    await other.close();
  }
});
