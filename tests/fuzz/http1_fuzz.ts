/**
 * Mutated requests and responses against the HTTP/1 codec. What must hold: nothing is thrown; cut
 * anywhere, a message means the same; what the server understood and the client wrote on means the
 * same to a second server (no smuggling); a broken response never leaves a reusable connection.
 *
 *   deno run -A tests/fuzz/http1_fuzz.ts [seconds] [seed]
 */

import { Http1ServerConnection } from "../../src/codec/mod.ts";
import { HeaderMap, type ResponseEncoder } from "../../src/http/mod.ts";
import {
  FakeClient,
  FakeServer,
  FakeStats,
  FakeTransport,
  latin1,
  lines,
  Log,
  OPTIONS,
} from "../codec/http1/support.ts";

/** Seeded, so that a finding can be run again: mulberry32. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

const REQUESTS: readonly string[] = [
  "GET / HTTP/1.1\r\nHost: c\r\n\r\n",
  "GET /a?b=c HTTP/1.1\r\nHost: c\r\nAccept: */*\r\nx-a: 1\r\nx-a: 2\r\n\r\nGET /2 HTTP/1.1\r\nHost: d\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: c\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-T: 1\r\n\r\n",
  "GET http://a.b/c HTTP/1.1\r\nConnection: close, x-b\r\nx-b: 1\r\n\r\n",
  "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nHEAD / HTTP/1.0\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: c\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw bytes",
  "CONNECT c:443 HTTP/1.1\r\nHost: c:443\r\n\r\nraw",
  "OPTIONS * HTTP/1.1\r\nHost: c\r\nTE: trailers\r\n\r\n",
  "PUT / HTTP/1.1\r\nHost: c\r\nExpect: 100-continue\r\nContent-Length: 2\r\nX_Y: caf\xe9\r\n\r\nok",
];

const RESPONSES: readonly string[] = [
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nuntil the end",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 42\r\nx-a: one\r\n two\r\n\r\n",
  "HTTP/1.1 200 OK\ncontent-length: 0\nconnection: close\n\n",
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\nraw",
];

const WORDS: readonly string[] = [
  ...'\r\n\0\t :;,="\\0159afx\x7f\x80\xff',
  "\r\n",
  "\r\n\r\n",
  "\r\n ",
  "0\r\n\r\n",
  "Content-Length: 3\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "transfer-encoding: gzip, chunked\r\n",
  "Host: evil\r\n",
  "Connection: upgrade\r\n",
  "Upgrade: h2c\r\n",
  " HTTP/1.1\r\n",
  "HTTP/1.0",
  "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
  "ffffffffffffffff",
  "chunked",
];

function mutate(dice: Dice, seeds: readonly string[]): string {
  let wire = dice.pick(seeds);
  for (let n = dice.below(4); n >= 0; n--) {
    const at = dice.below(wire.length + 1);
    const to = Math.min(wire.length, at + dice.below(6));
    switch (dice.below(5)) {
      case 0:
        wire = wire.slice(0, at) + dice.pick(WORDS) + wire.slice(at);
        break;
      case 1:
        wire = wire.slice(0, at) + dice.pick(WORDS) + wire.slice(to);
        break;
      case 2:
        wire = wire.slice(0, at) + wire.slice(to);
        break;
      case 3:
        wire = wire.slice(0, to) + wire.slice(at);
        break;
      default: {
        const other = dice.pick(seeds);
        wire = wire.slice(0, at) + other.slice(dice.below(other.length));
      }
    }
  }
  return wire;
}

/** One to four pieces. */
function cut(dice: Dice, wire: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let n = dice.below(4); n > 0; n--) {
    const to = from + dice.below(wire.length - from + 1);
    if (to > from) parts.push(wire.slice(from, to));
    from = to;
  }
  if (from < wire.length) parts.push(wire.slice(from));
  return parts;
}

class Finding extends Error {
  override readonly name = "Finding";
}

function fail(what: string, wire: string, facts: unknown): never {
  throw new Finding(`${what}: ${JSON.stringify(wire)}\n${JSON.stringify(facts, undefined, 1)}`);
}

const OK = HeaderMap.of([":status", "204"]);
const LENIENT = { acceptHttp10: true, enableTrailers: true };

function readRequests(parts: readonly string[]): string[] {
  const server = new FakeServer({
    options: LENIENT,
    onRequest: (encoder) => encoder.encodeHeaders(OK, true),
  });
  for (const part of parts) if (!server.codec.shouldClose) server.send(part);
  server.codec.onConnectionClosed("connection_termination", "end");
  return server.log.take().filter((event) => !event.startsWith("reset"));
}

/** A fault may be told earlier where more bytes lie in one read: a bad byte in a line without end. */
function isSame(whole: readonly string[], split: readonly string[]): boolean {
  if (whole.join("\0") === split.join("\0")) return true;
  const isFault = whole[whole.length - 1]?.startsWith("error") ?? false;
  const before = whole.filter((event) => !event.startsWith("error") && !event.startsWith("reply"));
  return isFault && before.join("\0") === split.join("\0");
}

function fuzzSplit(dice: Dice, wire: string): void {
  const whole = readRequests([wire]);
  const parts = cut(dice, wire);
  const split = readRequests(parts);
  if (!isSame(whole, split)) fail("A split changes the meaning", wire, { whole, parts, split });
}

/** What a request means, hop-by-hop headers and framing aside. */
class Meaning {
  readonly log = new Log();

  headers(headers: HeaderMap): void {
    const end = lines(headers).filter((line) =>
      !/^(connection|content-length|transfer-encoding|:scheme|upgrade|host):/.test(line)
    );
    this.log.add(end.join("\n"));
  }
}

/** Writes each request that is understood to an upstream, and compares what that understands. */
function fuzzForward(wire: string): void {
  const meaning = new Meaning();
  const forwarded: string[] = [];
  const transport = new FakeTransport();
  let encoder: ResponseEncoder;
  let isRaw = false;
  const codec = new Http1ServerConnection(transport, { ...OPTIONS, ...LENIENT }, {
    onGoAway: () => {},
    newStream: (value) => {
      encoder = value;
      const client = new FakeClient(LENIENT);
      const upstream = client.newStream();
      let isComplete = false;
      const finish = (): void => {
        isComplete = true;
        forwarded.push(client.transport.written());
        encoder.encodeHeaders(OK, true);
      };
      return {
        decodeHeaders: (headers, end) => {
          isRaw ||= headers.has("upgrade") || headers.get(":method") === "CONNECT";
          meaning.headers(headers);
          const problem = upstream.encodeHeaders(headers, end);
          if (problem !== undefined) fail(problem, wire, lines(headers));
          if (end) meaning.log.data(new Uint8Array(0), true), finish();
        },
        decodeData: (bytes, end) => {
          meaning.log.data(bytes, end);
          upstream.encodeData(bytes, end);
          if (end) finish();
        },
        decodeTrailers: (trailers) => {
          meaning.log.add("trailers " + lines(trailers).join(" "));
          upstream.encodeTrailers(trailers);
          finish();
        },
        sendLocalReply: () => encoder.reset("local_reset"),
        onReset: () => {
          if (isComplete) fail("A complete stream was reset", wire, forwarded);
        },
        onAboveWriteBufferHighWatermark: () => {},
        onBelowWriteBufferLowWatermark: () => {},
      };
    },
  }, new FakeStats());
  codec.dispatch(latin1(wire));
  codec.onConnectionClosed("connection_termination", "end");
  if (isRaw) return;
  const second = understand(forwarded, wire);
  const first = meaning.log.take().slice(0, second.length);
  if (first.join("\0") !== second.join("\0")) fail("Two readings", wire, { first, second });
}

function understand(wires: readonly string[], origin: string): string[] {
  const meaning = new Meaning();
  for (const wire of wires) {
    let requests = 0;
    const codec = new Http1ServerConnection(
      new FakeTransport(),
      { ...OPTIONS, ...LENIENT },
      {
        onGoAway: () => {},
        newStream: (encoder) => {
          if (++requests > 1) fail("A smuggled request", origin, wire);
          const end = () => encoder.encodeHeaders(OK, true);
          return {
            decodeHeaders: (headers, isEnd) => {
              meaning.headers(headers);
              if (isEnd) meaning.log.data(new Uint8Array(0), true), end();
            },
            decodeData: (bytes, isEnd) => {
              meaning.log.data(bytes, isEnd);
              if (isEnd) end();
            },
            decodeTrailers: (trailers) => {
              meaning.log.add("trailers " + lines(trailers).join(" "));
              end();
            },
            sendLocalReply: (status, _body, details) =>
              fail(`Our own request is refused with ${status} ${details}`, origin, wire),
            onReset: () => fail("Our own request is cut short", origin, wire),
            onAboveWriteBufferHighWatermark: () => {},
            onBelowWriteBufferLowWatermark: () => {},
          };
        },
      },
      new FakeStats(),
    );
    codec.dispatch(latin1(wire));
    codec.onConnectionClosed("connection_termination", "end");
  }
  return meaning.log.take();
}

function readResponse(parts: readonly string[], request: HeaderMap, wire: string): string[] {
  const client = new FakeClient({ enableTrailers: true });
  client.newStream().encodeHeaders(request, true);
  for (const part of parts) {
    // What follows a complete response would find the connection in the pool.
    if (client.codec.shouldClose || client.codec.activeStreams === 0) break;
    client.receive(part);
  }
  const events = client.log.events;
  const isBroken = events.some((event) => /^(reset|error)/.test(event));
  if (isBroken && client.codec.isReusable) fail("A broken connection is reusable", wire, events);
  client.note(client.codec.onEnd());
  client.codec.onConnectionClosed("connection_termination", "end");
  return client.log.take();
}

function fuzzResponse(dice: Dice, wire: string): void {
  const method = dice.pick(["GET", "GET", "HEAD"]);
  const request = HeaderMap.of([":method", method], [":path", "/"], [":authority", "c"]);
  if (dice.below(4) === 0) {
    request.add("connection", "upgrade");
    request.add("upgrade", "foo");
  }
  // Excess bytes show as an error in one read and never arrive in the next: left out of the comparison.
  const events = (parts: readonly string[]) =>
    readResponse(parts, request, wire).filter((event) => !/^(error|goaway)/.test(event));
  const whole = events([wire]);
  const parts = cut(dice, wire);
  const split = events(parts);
  const isReset = whole[whole.length - 1]?.startsWith("reset protocol_error") ?? false;
  if (whole.join("\0") !== split.join("\0") && !isReset) {
    fail("A split changes the meaning", wire, { whole, parts, split });
  }
}

/** Runs `rounds` of mutations. @throws {Finding} with the input that broke a rule */
export function fuzz(rounds: number, seed: number): void {
  const dice = new Dice(seed);
  for (let i = 0; i < rounds; i++) {
    const request = mutate(dice, REQUESTS);
    fuzzSplit(dice, request);
    fuzzForward(request);
    fuzzResponse(dice, mutate(dice, RESPONSES));
  }
}
