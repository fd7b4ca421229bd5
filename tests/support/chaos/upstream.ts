/**
 * One upstream process of the chaos test: HTTP/1.1, HTTP/2 and a TCP echo on one address. A line on
 * its standard input says how it fails from now on; each is answered by the same line.
 *
 *     answer   everything is answered
 *     stall    connections are accepted and read, nothing is ever sent
 *     reset    checks pass, every request and every echo ends in a TCP reset
 */

import { createServer as createHttp2Server, type Http2Session } from "node:http2";
import { createServer, type Socket } from "node:net";

type Mode = "answer" | "stall" | "reset";

interface Ports {
  readonly http1: number;
  readonly http2: number;
  readonly tcp: number;
}

/** Passes in each mode but `stall`. */
const HEALTH_PATH = "/health";
/** What TCP checks send; the echo of it is their answer. */
const TCP_CHECK = "ping";

let mode: Mode = "answer";

/** Reads requests off one connection; bodies have a content-length. */
class Http1Reader {
  #rest = "";

  /** @returns path and body size of each request that is whole now */
  feed(text: string): { readonly path: string; readonly bodySize: number }[] {
    this.#rest += text;
    const found: { path: string; bodySize: number }[] = [];
    for (;;) {
      const head = this.#rest.indexOf("\r\n\r\n");
      if (head < 0) return found;
      const bodySize = Number(
        /\r\ncontent-length: (\d+)/i.exec(this.#rest.slice(0, head))?.[1] ?? 0,
      );
      if (this.#rest.length < head + 4 + bodySize) return found;
      found.push({ path: this.#rest.split(" ", 2)[1]!, bodySize });
      this.#rest = this.#rest.slice(head + 4 + bodySize);
    }
  }
}

/** The answer names the request it is for, so that a client sees a mix-up. */
function answerTo(path: string, bodySize: number): string {
  return `${path} ${bodySize}`;
}

function serveHttp1(socket: Socket, address: string): void {
  const reader = new Http1Reader();
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", (bytes: Uint8Array) => {
    if (mode === "stall") return;
    for (const { path, bodySize } of reader.feed(latin1(bytes))) {
      if (mode === "reset" && path !== HEALTH_PATH) {
        socket.resetAndDestroy();
        return;
      }
      const body = answerTo(path, bodySize);
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nx-upstream: ${address}\r\n\r\n${body}`,
      );
    }
  });
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function startHttp2(address: string, port: number): Promise<void> {
  const server = createHttp2Server();
  const sockets = new WeakMap<Http2Session, Socket>();
  let accepted: Socket | undefined;
  // A session shows no socket that can be reset: it is the one accepted just before it.
  server.prependListener("connection", (socket) => accepted = socket as Socket);
  server.on("session", (session) => {
    sockets.set(session, accepted!);
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => {
    const path = String(headers[":path"]);
    let bodySize = 0;
    stream.on("error", () => {});
    stream.on("data", (part: Uint8Array) => bodySize += part.length);
    stream.on("end", () => {
      if (mode === "stall" || stream.destroyed) return;
      if (mode === "reset" && path !== HEALTH_PATH) {
        sockets.get(stream.session!)?.resetAndDestroy();
        return;
      }
      stream.respond({ ":status": 200, "x-upstream": address });
      stream.end(answerTo(path, bodySize));
    });
  });
  return new Promise((resolve) => server.listen(port, address, resolve));
}

function serveEcho(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", (bytes: Uint8Array) => {
    if (mode === "stall") return;
    if (mode === "reset" && !isCheck(bytes)) socket.resetAndDestroy();
    else socket.write(bytes);
  });
}

function isCheck(bytes: Uint8Array): boolean {
  return bytes.length === TCP_CHECK.length && latin1(bytes) === TCP_CHECK;
}

function startPlain(port: number, address: string, serve: (socket: Socket) => void): Promise<void> {
  const server = createServer({ allowHalfOpen: false }, serve);
  return new Promise((resolve) => server.listen(port, address, () => resolve()));
}

async function main(address: string, ports: Ports): Promise<void> {
  await startPlain(ports.http1, address, (socket) => serveHttp1(socket, address));
  await startHttp2(address, ports.http2);
  await startPlain(ports.tcp, address, serveEcho);
  const say = (line: string): Promise<number> =>
    Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
  await say("ready");
  let rest = "";
  for await (const part of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      mode = line as Mode;
      await say(line);
    }
  }
  // The test is gone: nobody will end this process.
  Deno.exit(0);
}

if (import.meta.main) {
  const [address = "", http1, http2, tcp] = Deno.args;
  await main(address, { http1: Number(http1), http2: Number(http2), tcp: Number(tcp) });
}
