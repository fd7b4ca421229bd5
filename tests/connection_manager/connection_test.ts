/** One connection: codecs, keep-alive, refusals, timeouts, drain, and how streams end and are logged. */

import type { FilterCallbacks } from "../../src/filter_chain/mod.ts";
import { HeaderMap } from "../../src/http/mod.ts";
import { assertEquals, assertOk } from "../support/assert.ts";
import { Harness, OK, respond, type Script } from "./harness.ts";

const GET = "GET / HTTP/1.1\r\nHost: c\r\n\r\n";
const DATE = "date: Tue, 14 Nov 2023 22:13:20 GMT";
const OK_HEAD = ["HTTP/1.1 200 OK", "content-length: 2", DATE, "server: envoy"];

/** Never answers. */
const HANG: Script = () => {};

function lines(text: string): string[] {
  return text.replace(/\r\n\r\n[^]*$/, "").split("\r\n");
}

function body(text: string): string {
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}

Deno.test("A GET is answered, counted and logged, and the connection stays", async () => {
  const harness = await Harness.create({});
  const reply = harness.send(GET);
  assertEquals(lines(reply), OK_HEAD);
  assertEquals(body(reply), "ok");
  assertEquals(harness.connection.isClosing, false);
  assertEquals(harness.logged, ["200 - via_upstream"]);
  assertEquals(lines(harness.send(GET)), OK_HEAD);
  assertEquals(harness.stat("downstream_rq_2xx"), 2);
  assertEquals(harness.stat("downstream_rq_total"), 2);
  assertEquals(harness.stat("downstream_rq_active"), 0);
  assertEquals(harness.stat("downstream_cx_http1_total"), 1);
  assertEquals(harness.stat("downstream_cx_active"), 1);
});

Deno.test("Pipelined requests are answered in order", async () => {
  const harness = await Harness.create({});
  const replies = harness.send(GET + GET + GET);
  assertEquals(replies.split("HTTP/1.1 200 OK").length - 1, 3);
  assertEquals(harness.seen.length, 3);
});

interface Refused {
  readonly name: string;
  readonly config?: object;
  readonly request: string;
  readonly status: number;
  readonly log: string;
  readonly closes: boolean;
}

const REFUSED: readonly Refused[] = [
  {
    name: "no Host",
    request: "GET / HTTP/1.1\r\n\r\n",
    status: 400,
    log: "400 - missing_host_header",
    closes: true,
  },
  {
    name: "no Host with override_stream_error_on_invalid_http_message",
    config: { http_protocol_options: { override_stream_error_on_invalid_http_message: true } },
    request: "GET / HTTP/1.1\r\n\r\n",
    status: 400,
    log: "400 - missing_host_header",
    closes: false,
  },
  {
    name: "a malformed header",
    request: "GET / HTTP/1.1\r\nbad header\r\n\r\n",
    status: 400,
    log: "400 DPE http1.codec_error",
    closes: true,
  },
  {
    name: "headers that are too large",
    config: { max_request_headers_kb: 1 },
    request: `GET / HTTP/1.1\r\nHost: c\r\nx: ${"a".repeat(1100)}\r\n\r\n`,
    status: 431,
    log: "431 DPE http1.headers_too_large",
    closes: true,
  },
  {
    name: "HTTP/1.0 that is not accepted",
    request: "GET / HTTP/1.0\r\nHost: c\r\n\r\n",
    status: 426,
    log: "426 DPE low_version",
    closes: true,
  },
  {
    name: "OPTIONS *",
    request: "OPTIONS * HTTP/1.1\r\nHost: c\r\n\r\n",
    status: 404,
    log: "404 - absolute_path_rejected",
    closes: false,
  },
  {
    name: "an escaped slash",
    config: { path_with_escaped_slashes_action: "REJECT_REQUEST" },
    request: "GET /a%2fb HTTP/1.1\r\nHost: c\r\n\r\n",
    status: 400,
    log: "400 - path_normalization_failed",
    closes: true,
  },
  {
    name: "an upgrade that nobody allows",
    request: "GET / HTTP/1.1\r\nHost: c\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    status: 403,
    log: "403 - upgrade_failed",
    closes: true,
  },
];

for (const { name, config = {}, request, status, log, closes } of REFUSED) {
  Deno.test(`A request is refused: ${name}`, async () => {
    const harness = await Harness.create(config);
    const reply = harness.send(request);
    assertEquals(reply.slice(9, 12), String(status));
    assertEquals(harness.logged, [log]);
    assertEquals(harness.connection.isClosing, closes);
    assertEquals(lines(reply).includes("connection: close"), closes);
    assertEquals(harness.seen, []);
    assertEquals(harness.stat("downstream_rq_active"), 0);
  });
}

Deno.test("UNESCAPE_AND_REDIRECT answers 307 with the canonical path", async () => {
  const harness = await Harness.create({
    path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT",
  });
  const reply = harness.send("GET /b%2Fc?x=%2F HTTP/1.1\r\nHost: c\r\n\r\n");
  assertEquals(lines(reply), [
    "HTTP/1.1 307 Temporary Redirect",
    "location: /b/c?x=%2F",
    DATE,
    "server: envoy",
    "content-length: 0",
  ]);
});

Deno.test("connection: close of the client is answered with the same and closes", async () => {
  const harness = await Harness.create({});
  const reply = harness.send("GET / HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n");
  assertEquals(lines(reply), [...OK_HEAD, "connection: close"]);
  assertEquals(harness.connection.closedBy, "flush_write");
});

Deno.test("A response before the request is whole closes the connection (CL.0 desync)", async () => {
  const harness = await Harness.create({}, {
    script: (callbacks) => respond(callbacks, 413, "no"),
  });
  const reply = harness.send("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 10\r\n\r\nabc");
  assertOk(lines(reply).includes("connection: close"));
  assertEquals(harness.connection.closedBy, "flush_write_and_delay");
  assertEquals(harness.stat("downstream_rq_response_before_rq_complete"), 1);
  assertEquals(harness.logged, ["413 - via_upstream"]);
});

Deno.test("Expect: 100-continue is answered here and taken out", async () => {
  const harness = await Harness.create({});
  const interim = harness.send(
    "POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n",
  );
  assertEquals(interim, "HTTP/1.1 100 Continue\r\n\r\n");
  assertEquals(lines(harness.send("abc")), OK_HEAD);
  assertEquals(harness.lastSeen().some((line) => line.startsWith("expect")), false);
});

Deno.test("proxy_100_continue leaves expect to the upstream and passes its 100", async () => {
  const script: Script = (callbacks, _headers, endStream) => {
    if (!endStream) callbacks.encode1xxHeaders(HeaderMap.of([":status", "100"]));
    OK(callbacks, _headers, endStream);
  };
  const harness = await Harness.create({ proxy_100_continue: true }, { script });
  const interim = harness.send(
    "POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
  );
  assertEquals(interim, "HTTP/1.1 100 Continue\r\n\r\n");
  assertOk(harness.lastSeen().includes("expect: 100-continue"));
});

Deno.test("max_requests_per_connection closes after that many", async () => {
  const harness = await Harness.create({
    common_http_protocol_options: { max_requests_per_connection: 2 },
  });
  assertEquals(lines(harness.send(GET)), OK_HEAD);
  assertEquals(lines(harness.send(GET)), [...OK_HEAD, "connection: close"]);
  assertEquals(harness.connection.isClosing, true);
  assertEquals(harness.stat("downstream_cx_max_requests_reached"), 1);
});

interface TimedOut {
  readonly name: string;
  readonly config: object;
  readonly request: string;
  readonly ms: number;
  readonly want: string;
  readonly log: string;
}

const POST = "POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 10\r\n\r\nabc";
const TIMED_OUT: readonly TimedOut[] = [
  {
    name: "request_headers_timeout",
    config: { request_headers_timeout: "0.3s" },
    request: "GET / HTTP/1.1\r\nHost: c\r\n",
    ms: 305,
    want: "408 request header timeout",
    log: "408 - request_header_timeout",
  },
  {
    name: "request_timeout",
    config: { request_timeout: "0.3s" },
    request: POST,
    ms: 305,
    want: "408 request timeout",
    log: "408 - request_overall_timeout",
  },
  {
    name: "stream_idle_timeout while the body does not arrive",
    config: { stream_idle_timeout: "0.3s" },
    request: POST,
    ms: 305,
    want: "408 stream timeout",
    log: "408 SI stream_idle_timeout",
  },
  {
    name: "stream_idle_timeout while the upstream is silent",
    config: { stream_idle_timeout: "0.3s" },
    request: GET,
    ms: 305,
    want: "504 stream timeout",
    log: "504 SI stream_idle_timeout",
  },
  {
    name: "max_stream_duration",
    config: { common_http_protocol_options: { max_stream_duration: "0.3s" } },
    request: GET,
    ms: 305,
    want: "504 downstream duration timeout",
    log: "504 - max_duration_timeout",
  },
];

for (const { name, config, request, ms, want, log } of TIMED_OUT) {
  Deno.test(`A stream runs out of time: ${name}`, async () => {
    const harness = await Harness.create(config, { script: HANG });
    assertEquals(harness.send(request), "");
    harness.clock.advance(ms - 10);
    assertEquals(harness.connection.written(), "");
    harness.clock.advance(10);
    const reply = harness.connection.written();
    assertEquals(`${reply.slice(9, 12)} ${body(reply)}`, want);
    assertEquals(harness.logged, [log]);
  });
}

Deno.test("request_timeout ends when the request is whole", async () => {
  const harness = await Harness.create({ request_timeout: "0.3s" }, { script: HANG });
  harness.send(GET);
  harness.clock.advance(1000);
  assertEquals(harness.connection.written(), "");
});

Deno.test("stream_idle_timeout after the response began resets the stream", async () => {
  const script: Script = (callbacks) => {
    callbacks.encodeHeaders(HeaderMap.of([":status", "200"]), false);
  };
  const harness = await Harness.create({ stream_idle_timeout: "0.3s" }, { script });
  assertEquals(harness.send(GET).slice(0, 15), "HTTP/1.1 200 OK");
  harness.clock.advance(310);
  assertEquals(harness.connection.isClosing, true);
  assertEquals(harness.logged, ["200 SI stream_idle_timeout"]);
});

Deno.test("Activity moves the idle timeout on", async () => {
  const harness = await Harness.create({ stream_idle_timeout: "0.3s" }, { script: HANG });
  harness.send(POST);
  for (let i = 0; i < 5; i++) {
    harness.clock.advance(250);
    assertEquals(harness.send("x"), "");
  }
  harness.clock.advance(310);
  assertEquals(harness.logged, ["408 SI stream_idle_timeout"]);
});

Deno.test("idle_timeout drains first and closes after drain_timeout", async () => {
  const harness = await Harness.create({
    common_http_protocol_options: { idle_timeout: "0.3s" },
    drain_timeout: "0.1s",
  });
  harness.send(GET);
  harness.clock.advance(305);
  assertEquals(harness.connection.isClosing, false);
  harness.clock.advance(105);
  assertEquals(harness.connection.isClosing, true);
  assertEquals(harness.stat("downstream_cx_idle_timeout"), 1);
});

Deno.test("A request moves the connection's idle timeout on", async () => {
  const harness = await Harness.create({
    common_http_protocol_options: { idle_timeout: "0.3s" },
    drain_timeout: "0.1s",
  });
  harness.clock.advance(250);
  harness.send(GET);
  harness.clock.advance(250);
  assertEquals(harness.stat("downstream_cx_idle_timeout"), 0);
  harness.clock.advance(60);
  assertEquals(harness.stat("downstream_cx_idle_timeout"), 1);
});

Deno.test("max_connection_duration answers the next request with connection: close", async () => {
  const harness = await Harness.create({
    common_http_protocol_options: { max_connection_duration: "0.3s" },
    drain_timeout: "0.1s",
  });
  assertEquals(lines(harness.send(GET)), OK_HEAD);
  harness.clock.advance(330);
  assertOk(lines(harness.send(GET)).includes("connection: close"));
});

Deno.test("http1_safe_max_connection_duration closes with the next response, however late", async () => {
  const harness = await Harness.create({
    common_http_protocol_options: { max_connection_duration: "0.3s" },
    http1_safe_max_connection_duration: true,
    drain_timeout: "0.1s",
  });
  harness.send(GET);
  harness.clock.advance(5000);
  assertEquals(harness.connection.isClosing, false);
  assertOk(lines(harness.send(GET)).includes("connection: close"));
  assertEquals(harness.connection.isClosing, true);
});

Deno.test("A draining listener says connection: close and closes the connection after it", async () => {
  const harness = await Harness.create({ drain_timeout: "0.1s" });
  harness.send(GET);
  harness.isDraining = true;
  assertOk(lines(harness.send(GET)).includes("connection: close"));
  assertEquals(harness.stat("downstream_cx_drain_close"), 1);
});

Deno.test("startDrain closes an idle connection after drain_timeout", async () => {
  const harness = await Harness.create({ drain_timeout: "0.1s" });
  harness.send(GET);
  harness.filter.startDrain!(false);
  assertEquals(harness.connection.isClosing, false);
  harness.clock.advance(105);
  assertEquals(harness.connection.isClosing, true);
});

Deno.test("The end of the process ends an idle HTTP/1 connection at once", async () => {
  const harness = await Harness.create({});
  harness.send(GET);
  harness.filter.startDrain!(true);
  assertEquals(harness.connection.isClosing, true);
  assertEquals(harness.stat("downstream_cx_drain_close"), 1);
});

Deno.test("The end of the process lets a new connection bring one request, for half a second", async () => {
  const harness = await Harness.create({});
  harness.filter.startDrain!(true);
  assertOk(lines(harness.send(GET)).includes("connection: close"));
  assertEquals(harness.connection.isClosing, true);
  const silent = await Harness.create({});
  silent.filter.startDrain!(true);
  silent.clock.advance(490);
  assertEquals(silent.connection.isClosing, false);
  silent.clock.advance(15);
  assertEquals(silent.connection.isClosing, true);
});

Deno.test("The end of the process waits for the response under way, also after a drain", async () => {
  const harness = await Harness.create({ drain_timeout: "0.1s" }, { script: HANG });
  harness.send(GET);
  harness.filter.startDrain!(false);
  harness.filter.startDrain!(true);
  harness.clock.advance(2000);
  assertEquals(harness.connection.isClosing, false);
  harness.run(() => respond(harness.callbacks[0]!, 200, "ok"));
  assertOk(lines(harness.connection.written()).includes("connection: close"));
  assertEquals(harness.connection.isClosing, true);
});

Deno.test("A client that half-closes or resets under a request is logged as gone", async () => {
  for (const leave of ["half-close", "reset"] as const) {
    let destroyed = 0;
    const harness = await Harness.create({}, { script: HANG });
    harness.send(GET);
    harness.onDestroy = () => destroyed++;
    if (leave === "half-close") harness.connection.endOfInput();
    else harness.connection.fail("remote_reset");
    assertEquals(harness.logged, ["0 DC downstream_remote_disconnect"]);
    assertEquals(harness.connection.isClosing, true);
    assertEquals(harness.stat("downstream_cx_destroy_remote_active_rq"), 1);
    assertEquals(destroyed, 1);
  }
});

Deno.test("A router's reset after the head closes an HTTP/1 connection", async () => {
  let last: FilterCallbacks | undefined;
  const script: Script = (callbacks) => {
    last = callbacks;
    callbacks.encodeHeaders(HeaderMap.of([":status", "200"], ["content-length", "8"]), false);
  };
  const harness = await Harness.create({}, { script });
  harness.send(GET);
  harness.run(() => last!.resetStream("local_reset", "upstream_reset_after_response_started"));
  assertEquals(harness.connection.isClosing, true);
  assertEquals(harness.logged, ["200 - upstream_reset_after_response_started"]);
  assertEquals(harness.stat("downstream_rq_tx_reset"), 1);
});

Deno.test("An allowed upgrade keeps its headers and becomes a byte stream", async () => {
  const script: Script = (callbacks) => {
    callbacks.encodeHeaders(
      HeaderMap.of([":status", "101"], ["upgrade", "websocket"], ["connection", "Upgrade"]),
      false,
    );
  };
  const harness = await Harness.create({ upgrade_configs: [{ upgrade_type: "websocket" }] }, {
    script,
  });
  const reply = harness.send(
    "GET / HTTP/1.1\r\nHost: c\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n",
  );
  assertEquals(lines(reply), [
    "HTTP/1.1 101 Switching Protocols",
    "upgrade: websocket",
    "connection: Upgrade",
    DATE,
    "server: envoy",
  ]);
  assertOk(harness.lastSeen().includes("connection: Upgrade"));
  assertEquals(harness.stat("downstream_cx_upgrades_active"), 1);
  harness.connection.fail("remote_close");
  assertEquals(harness.stat("downstream_cx_upgrades_active"), 0);
  assertEquals(harness.logged, ["101 DC downstream_remote_disconnect"]);
});

Deno.test("An upgrade without a route is a 404, not a 403", async () => {
  const script: Script = (callbacks) => {
    if (callbacks.route() === undefined) {
      callbacks.sendLocalReply({ status: 404, body: "", details: "route_not_found" });
    }
  };
  const harness = await Harness.create({ route_config: { name: "r", virtual_hosts: [] } }, {
    script,
  });
  const reply = harness.send("CONNECT c:1 HTTP/1.1\r\nHost: c:1\r\n\r\n");
  assertEquals(reply.slice(9, 12), "404");
});

Deno.test("An internal redirect runs the request again on the same stream", async () => {
  const script: Script = (callbacks, headers) => {
    if (headers.get("x-again") !== undefined) return respond(callbacks, 200, "ok");
    headers.add("x-again", "1");
    assertOk(callbacks.recreateStream(HeaderMap.of([":status", "302"])));
  };
  const harness = await Harness.create({}, { script });
  assertEquals(lines(harness.send(GET)), OK_HEAD);
  assertEquals(harness.logged, ["302 - internal_redirect", "200 - via_upstream"]);
  assertEquals(harness.stat("downstream_rq_active"), 0);
  assertEquals(lines(harness.send(GET)).length, 4);
});

Deno.test("flush_access_log_on_new_request logs twice", async () => {
  const harness = await Harness.create({
    access_log_options: { flush_access_log_on_new_request: true },
  });
  harness.send(GET);
  assertEquals(harness.logged, ["DownstreamStart 0 - -", "200 - via_upstream"]);
});

const TAIL = [
  {
    name: "server: OVERWRITE",
    config: { server_name: "s" },
    given: [["server", "up"]],
    want: ["server: s", "content-length: 2", DATE],
  },
  {
    name: "server: APPEND_IF_ABSENT",
    config: { server_header_transformation: "APPEND_IF_ABSENT" },
    given: [["server", "up"]],
    want: ["server: up", "content-length: 2", DATE],
  },
  {
    name: "server: PASS_THROUGH",
    config: { server_header_transformation: "PASS_THROUGH" },
    given: [],
    want: ["content-length: 2", DATE],
  },
  {
    name: "the upstream's date is kept, its hop-by-hop headers go",
    config: {},
    given: [["date", "then"], ["keep-alive", "timeout=5"], ["connection", "x"], ["x", "1"]],
    want: ["date: then", "x: 1", "content-length: 2", "server: envoy"],
  },
  {
    name: "via",
    config: { via: "conf-1" },
    given: [["via", "1.1 up"]],
    want: ["via: 1.1 up, conf-1", "content-length: 2", DATE, "server: envoy"],
  },
] as const;

for (const { name, config, given, want } of TAIL) {
  Deno.test(`Response headers: ${name}`, async () => {
    const script: Script = (callbacks) => respond(callbacks, 200, "ok", given);
    const harness = await Harness.create(config, { script });
    assertEquals(lines(harness.send(GET)).slice(1), [...want]);
  });
}

Deno.test("always_set_request_id_in_response", async () => {
  const harness = await Harness.create({ always_set_request_id_in_response: true });
  const reply = harness.send("GET / HTTP/1.1\r\nHost: c\r\nx-request-id: mine\r\n\r\n");
  assertOk(lines(reply).includes("x-request-id: mine"));
});

Deno.test("A full downstream tells the filter, and a full upstream pauses the request", async () => {
  const calls: string[] = [];
  let last: FilterCallbacks | undefined;
  const script: Script = (callbacks) => {
    last = callbacks;
    callbacks.addDownstreamWatermarkCallbacks({
      onAboveWriteBufferHighWatermark: () => calls.push("above"),
      onBelowWriteBufferLowWatermark: () => calls.push("below"),
    });
  };
  const harness = await Harness.create({}, { script });
  harness.send(POST);
  harness.run(() => harness.filter.onAboveWriteBufferHighWatermark!());
  harness.run(() => harness.filter.onBelowWriteBufferLowWatermark!());
  assertEquals(calls, ["above", "below"]);
  harness.run(() => last!.onDecoderFilterAboveWriteBufferHighWatermark());
  assertEquals(harness.connection.isReadDisabled, true);
  harness.run(() => last!.onDecoderFilterBelowWriteBufferLowWatermark());
  assertEquals(harness.connection.isReadDisabled, false);
  assertEquals(harness.stat("downstream_flow_control_paused_reading_total"), 1);
});

Deno.test("AUTO waits until the first bytes tell HTTP/2 from HTTP/1", async () => {
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
  for (let cut = 1; cut < 20; cut++) {
    const harness = await Harness.create({});
    harness.send(preface.slice(0, cut));
    harness.send(preface.slice(cut));
    assertEquals(harness.stat("downstream_cx_http2_total"), 1, `cut at ${cut}`);
  }
  const other = await Harness.create({});
  other.send("P");
  other.send("OST / HTTP/1.1\r\nHost: c\r\nContent-Length: 0\r\n\r\n");
  assertEquals(other.stat("downstream_cx_http1_total"), 1);
  assertEquals(other.logged, ["200 - via_upstream"]);
});

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const SETTINGS_ACK = "\0\0\0\x04\x01\0\0\0\0";
const PING_HEAD = "\0\0\x08\x06\0";

Deno.test("A client that does not acknowledge SETTINGS has ten seconds, T39", async () => {
  const harness = await Harness.create({});
  harness.send(PREFACE);
  harness.clock.advance(9_990);
  assertEquals(harness.connection.isClosing, false);
  harness.clock.advance(20);
  assertEquals(harness.connection.isClosing, true);
  // GOAWAY with SETTINGS_TIMEOUT (RFC 9113 §6.5.3).
  assertEquals(harness.connection.written().endsWith("\0\0\0\x04"), true);
  assertEquals(harness.stat("downstream_cx_protocol_error"), 1);
});

Deno.test("A client that acknowledges SETTINGS stays, T39", async () => {
  const harness = await Harness.create({});
  harness.send(PREFACE + SETTINGS_ACK);
  harness.clock.advance(60_000);
  assertEquals(harness.connection.isClosing, false);
});

Deno.test("connection_keepalive pings the client and closes when nothing comes back", async () => {
  const harness = await Harness.create({
    http2_protocol_options: {
      connection_keepalive: { interval: "1s", timeout: "0.5s", interval_jitter: { value: 0 } },
    },
  });
  harness.send(PREFACE + SETTINGS_ACK);
  harness.clock.advance(1000);
  assertEquals(harness.connection.written().slice(0, 5), PING_HEAD);
  harness.send(SETTINGS_ACK);
  harness.clock.advance(1000);
  assertEquals(harness.connection.written().slice(0, 5), PING_HEAD);
  assertEquals(harness.connection.isClosing, false);
  harness.clock.advance(505);
  assertEquals(harness.connection.isClosing, true);
  assertEquals(harness.stats.scope("http2").counter("keepalive_timeout").value, 1);
});

Deno.test("Streams see the filter state of their connection", async () => {
  const harness = await Harness.create({});
  harness.streamInfo!.setStateObject("k", { serialize: () => "shared", json: () => "shared" });
  harness.send(GET);
  assertEquals(harness.infos.at(-1)?.stateObject("k")?.serialize(), "shared");
  assertEquals(harness.infos.at(-1)?.filterState, undefined);
});
