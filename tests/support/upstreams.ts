/** Real upstreams on loopback for integration tests: Node's own servers. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import * as http2 from "node:http2";
import type { Server } from "node:net";

/** A server that can be ended. */
export interface TestUpstream {
  readonly port: number;
  /** Requests seen so far. */
  readonly seen: () => number;
  close(): Promise<void>;
}

/** An HTTP/1.1 server; the default handler echoes method, path and body. */
export async function http1Upstream(
  handler: (request: IncomingMessage, response: ServerResponse) => void = echo,
): Promise<TestUpstream> {
  let seen = 0;
  const server = createServer((request, response) => {
    seen++;
    handler(request, response);
  });
  return await served(server, () => seen, () => server.closeAllConnections());
}

/** `cut` ends the connections that a close would wait for. */
async function served(server: Server, seen: () => number, cut: () => void): Promise<TestUpstream> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  const parts: Uint8Array[] = [];
  request.on("data", (part: Uint8Array) => parts.push(part));
  request.on("end", () => {
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    response.setHeader("x-seen", `${request.method} ${request.url} ${size}`);
    response.writeHead(200, { "content-type": "text/plain" });
    for (const part of parts) response.write(part);
    response.end();
  });
}

/** A gRPC-like service over cleartext HTTP/2: `/t.T/Unary`, `/t.T/Down`, `/t.T/Up`, `/t.T/Both`, `/t.T/Fail`. */
export async function grpcUpstream(): Promise<TestUpstream> {
  let seen = 0;
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    seen++;
    const method = String(headers[":path"]).split("/").at(-1);
    stream.on("error", () => {});
    if (method === "Fail") {
      stream.respond({
        ":status": 200,
        "content-type": "application/grpc",
        "grpc-status": "7",
        "grpc-message": "no",
      }, { endStream: true });
      return;
    }
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, {
      waitForTrailers: true,
    });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    const messages: Uint8Array[] = [];
    const reader = new MessageReader((message) => {
      messages.push(message);
      if (method === "Both") stream.write(frame(message));
    });
    stream.on("data", (part: Uint8Array) => reader.feed(part));
    stream.on("end", () => {
      if (method === "Unary") stream.write(frame(messages[0]!));
      if (method === "Down") {
        for (let i = 0; i < 100; i++) stream.write(frame(Uint8Array.of(i)));
      }
      if (method === "Up") stream.write(frame(Uint8Array.of(messages.length)));
      stream.end();
    });
  });
  return await served(server, () => seen, () => {
    for (const session of sessions) session.destroy();
  });
}

/** A gRPC message on the wire: flag, length, bytes. */
export function frame(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(5 + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, 5);
  return bytes;
}

/** Cuts a byte stream into gRPC messages. */
export class MessageReader {
  #rest = new Uint8Array(0);
  readonly #onMessage: (message: Uint8Array) => void;

  constructor(onMessage: (message: Uint8Array) => void) {
    this.#onMessage = onMessage;
  }

  feed(part: Uint8Array): void {
    const all = new Uint8Array(this.#rest.length + part.length);
    all.set(this.#rest);
    all.set(part, this.#rest.length);
    let at = 0;
    while (all.length - at >= 5) {
      const size = new DataView(all.buffer).getUint32(at + 1);
      if (all.length - at - 5 < size) break;
      this.#onMessage(all.slice(at + 5, at + 5 + size));
      at += 5 + size;
    }
    this.#rest = all.slice(at);
  }
}
