/** A TCP connection carried by an HTTP stream. */

import { type TcpUpstream } from "../../../src/filters/network/tcp_proxy_events.ts";
import { openTunnel } from "../../../src/filters/network/tcp_tunnel.ts";
import { compileTunnel } from "../../../src/filters/network/tcp_tunnel_config.ts";
import { HeaderMap, type RequestEncoder, type ResponseDecoder } from "../../../src/http/mod.ts";
import type { Cluster, Host, PoolReady, StreamRequest } from "../../../src/upstream/mod.ts";
import { assertEquals } from "../../support/assert.ts";
import { fakeContext } from "../../support/fakes/compile_context.ts";
import { fakeStreamInfo } from "../../support/fakes/stream_info.ts";
import { decodeMessage } from "../../support/messages.ts";

const TYPE = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig";
const HOST = { hostname: "" } as Host;

/** A tunnel whose upstream is the test; `log` says what was done to and by it. */
async function openWith(config: object) {
  const { message } = await decodeMessage(TYPE, { hostname: "target.test:443", ...config });
  const tunnel = compileTunnel(message as never, fakeContext())!;
  const log: string[] = [];
  const info = fakeStreamInfo();
  let decoder!: ResponseDecoder;
  let upstream: TcpUpstream | undefined;
  const encoder = {
    encodeHeaders(headers: HeaderMap): undefined {
      const lines: string[] = [];
      for (let i = 0; i < headers.length; i++) {
        lines.push(`${headers.nameAt(i)}=${headers.valueAt(i)}`);
      }
      log.push(lines.join(" "));
    },
    encodeData: (bytes: Uint8Array, end: boolean) =>
      log.push(`data ${new TextDecoder().decode(bytes)} ${end}`),
    reset: (reason: string) => log.push(`reset ${reason}`),
    enableTcpTunneling() {},
    readDisable: (disable: boolean) => log.push(`pause ${disable}`),
  } as unknown as RequestEncoder;
  const cluster = {
    newStream(_host: Host, user: ResponseDecoder, request: StreamRequest): undefined {
      decoder = user;
      request.callbacks.onPoolReady(encoder, { tls: undefined } as PoolReady);
    },
  } as unknown as Cluster;
  openTunnel(tunnel, cluster, HOST, {
    priority: "default",
    streamInfo: info,
    onReady(ready) {
      upstream = ready;
      ready.events = {
        onData: (bytes) => log.push(`got ${new TextDecoder().decode(bytes)}`),
        onEnd: () => log.push("end"),
        onClose: (reason) => log.push(`closed ${reason}`),
      };
    },
    onFailure: (reason, details) => log.push(`failed ${reason} ${details}`),
  });
  const answer = (status: string, end = false): void =>
    decoder.decodeHeaders(HeaderMap.of([":status", status], ["x-tunnel", "up"]), end);
  return { log, info, decoder, answer, upstream: () => upstream! };
}

const CONNECT = ":method=CONNECT :authority=target.test:443";

Deno.test("a tunnel carries bytes both ways and both ends", async () => {
  const { log, decoder, answer, upstream } = await openWith({});
  answer("200");
  upstream().output.writeBytes(new TextEncoder().encode("ping"));
  decoder.decodeData(new TextEncoder().encode("pong"), false);
  upstream().endWrite();
  decoder.decodeData(new Uint8Array(0), true);
  upstream().close("flush_write");
  assertEquals(log, [CONNECT, "data ping false", "got pong", "data  true", "end"]);
  assertEquals([upstream().bytesSent, upstream().bytesReceived, upstream().isClosed], [4, 4, true]);
});

Deno.test("a tunnel is opened by POST if asked, with added headers", async () => {
  const { log } = await openWith({
    use_post: true,
    post_path: "/t",
    headers_to_add: [{ header: { key: "x-a", value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" } }],
  });
  assertEquals(log, [
    ":method=POST :authority=target.test:443 :path=/t :scheme=http x-a=10.0.0.7",
  ]);
});

Deno.test("an answer that is no 2xx refuses the tunnel", async () => {
  const { log, answer } = await openWith({});
  answer("403");
  assertEquals(log, [
    CONNECT,
    "reset local_reset",
    "failed remote_connection_failure tunnel_response:403",
  ]);
});

Deno.test("a reset before the answer fails the attempt, one after it ends the tunnel", async () => {
  const early = await openWith({});
  early.decoder.onReset("remote_reset", "gone");
  assertEquals(early.log, [CONNECT, "failed remote_connection_failure gone"]);
  const late = await openWith({});
  late.answer("200");
  late.decoder.onReset("remote_reset", "gone");
  assertEquals(late.log, [CONNECT, "closed remote_reset"]);
});

Deno.test("a tunnel that is closed before both ends resets its stream", async () => {
  const { log, answer, upstream } = await openWith({});
  answer("200");
  upstream().readDisable(true);
  upstream().close("no_flush");
  assertEquals(log, [CONNECT, "pause true", "reset local_reset"]);
});

Deno.test("a tunnel keeps the response's headers and trailers if asked", async () => {
  const { info, decoder, answer } = await openWith({
    propagate_response_headers: true,
    propagate_response_trailers: true,
  });
  answer("200");
  decoder.decodeTrailers(HeaderMap.of(["x-t", "1"]));
  const kept = [...info.filterState!.values()].map((object) => object.json());
  assertEquals(kept, [
    { headers: [{ key: ":status", value: "200" }, { key: "x-tunnel", value: "up" }] },
    { trailers: [{ key: "x-t", value: "1" }] },
  ]);
});
