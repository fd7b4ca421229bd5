/**
 * Costs of the HTTP/1 codec per message, without sockets: `deno bench -A tests/bench/http1_bench.ts`.
 * Last numbers (2 shared cores; read as ratios), p75: small request and its response 1.4 µs, browser
 * request and its response 2.2 µs, the same cut in two 3.5 µs, 64 pipelined 70 µs; client: request
 * and response by length 1.8 µs, chunked 1.6 µs.
 */

import { allocateLatin1, type Latin1Bytes, OutputBuffer } from "../../src/base/mod.ts";
import { Http1ClientConnection, Http1ServerConnection } from "../../src/codec/mod.ts";
import {
  HeaderMap,
  type RequestDecoder,
  type ResponseDecoder,
  type ResponseEncoder,
} from "../../src/http/mod.ts";
import { OPTIONS } from "../codec/http1/support.ts";

const REQUEST =
  "GET /some/path?x=1 HTTP/1.1\r\nHost: example.com:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\nConnection: keep-alive\r\n\r\n";
const SMALL_REQUEST = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const RESPONSE =
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 62\r\nx-backend: a\r\ndate: Sat, 21 Nov 2026 10:35:32 GMT\r\nserver: backend\r\n\r\n" +
  "b".repeat(62);
const CHUNKED_RESPONSE =
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n3e\r\n" +
  "b".repeat(62) + "\r\n0\r\n\r\n";

/** As the connections' shared read buffers are. */
function wire(text: string): Latin1Bytes {
  const bytes = allocateLatin1(text.length);
  bytes.latin1Write(text, 0, text.length);
  return bytes;
}

function transport(output: OutputBuffer) {
  return { output, readDisable: () => {}, nowMs: () => 0 };
}

function drain(output: OutputBuffer): void {
  for (let piece = output.peek(); piece !== undefined; piece = output.peek()) {
    output.consume(piece.length);
  }
}

const STATS = { counter: () => ({ inc: () => {} }) };
const SILENT = {
  onReset: () => {},
  onAboveWriteBufferHighWatermark: () => {},
  onBelowWriteBufferLowWatermark: () => {},
};
const BODY = new Uint8Array(62).fill(98);

function responseHeaders(): HeaderMap {
  const headers = new HeaderMap();
  headers.add(":status", "200");
  headers.add("content-type", "text/plain");
  headers.add("content-length", "62");
  headers.add("x-backend", "a");
  headers.add("x-envoy-upstream-service-time", "1");
  headers.add("date", "Sat, 21 Nov 2026 10:35:32 GMT");
  headers.add("server", "envoy");
  return headers;
}

const RESPONSE_HEADERS = responseHeaders();

/** A server that answers every request at once. */
function server(headers: HeaderMap): { codec: Http1ServerConnection; output: OutputBuffer } {
  const output = new OutputBuffer(() => {});
  let encoder: ResponseEncoder;
  const decoder: RequestDecoder = {
    ...SILENT,
    decodeHeaders: (_headers, end) => {
      if (end) answer();
    },
    decodeData: (_bytes, end) => {
      if (end) answer();
    },
    decodeTrailers: () => answer(),
    sendLocalReply: () => {
      throw new Error("A sound request was refused");
    },
  };
  function answer(): void {
    encoder.encodeHeaders(headers, false);
    encoder.encodeData(BODY, true);
  }
  const callbacks = {
    newStream: (value: ResponseEncoder) => {
      encoder = value;
      return decoder;
    },
    onGoAway: () => {},
  };
  return { codec: new Http1ServerConnection(transport(output), OPTIONS, callbacks, STATS), output };
}

function benchServer(name: string, bytes: Uint8Array): void {
  const { codec, output } = server(RESPONSE_HEADERS);
  Deno.bench({
    name,
    group: "server",
    fn: () => {
      codec.dispatch(bytes);
      drain(output);
    },
  });
}

function benchClient(name: string, bytes: Uint8Array): void {
  const output = new OutputBuffer(() => {});
  const codec = new Http1ClientConnection(
    transport(output),
    OPTIONS,
    { onGoAway: () => {}, onMaxStreamsChanged: () => {} },
    STATS,
  );
  const decoder: ResponseDecoder = {
    ...SILENT,
    decode1xx: () => {},
    decodeHeaders: () => {},
    decodeData: () => {},
    decodeTrailers: () => {},
  };
  const headers = HeaderMap.of(
    [":method", "GET"],
    [":path", "/some/path?x=1"],
    [":authority", "example.com:8080"],
    [":scheme", "http"],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
    ["accept", "*/*"],
    ["x-forwarded-proto", "http"],
    ["x-request-id", "95f0338d-136f-4647-b0f4-dcfa3b390ae9"],
    ["x-envoy-expected-rq-timeout-ms", "15000"],
  );
  Deno.bench({
    name,
    group: "client",
    fn: () => {
      codec.newStream(decoder).encodeHeaders(headers, true);
      codec.dispatch(bytes);
      drain(output);
    },
  });
}

benchServer("small request (2 lines), response of 6 headers and 62 bytes", wire(SMALL_REQUEST));
benchServer("browser request (8 lines), the same response", wire(REQUEST));
benchClient("request of 6 headers, response of 5 headers and 62 bytes", wire(RESPONSE));
benchClient("the same request, chunked response", wire(CHUNKED_RESPONSE));

{
  const { codec, output } = server(RESPONSE_HEADERS);
  const cut = 150;
  const [first, second] = [wire(REQUEST.slice(0, cut)), wire(REQUEST.slice(cut))];
  Deno.bench({
    name: "browser request cut in two",
    group: "server",
    fn: () => {
      codec.dispatch(first);
      codec.dispatch(second);
      drain(output);
    },
  });
  const heap = wire(SMALL_REQUEST.repeat(64));
  Deno.bench({
    name: "64 pipelined small requests",
    group: "server",
    fn: () => {
      codec.dispatch(heap);
      drain(output);
    },
  });
}
