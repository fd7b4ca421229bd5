/**
 * An upstream process of its own, to be killed: an HTTP/1.1 server on each port it is given, and on
 * the first one what they saw. Paths with `hold` wait until `/release`; with `first`, only a second
 * attempt waits and the first one gets a 503.
 */

import { createServer, type ServerResponse } from "node:http";

/** What one server saw so far. */
export interface SeenByUpstream {
  requests: number;
  active: number;
  maxActive: number;
  connections: number;
  /** As many as stayed open together for a moment. */
  maxConnections: number;
  acceptedConnections: number;
  secondAttempts: number;
}

const DELAY_MS = 5;
/** A connection that was let go may be seen to end after its successor began. */
const SKEW_MS = 10;

function serve(port: number, held: ServerResponse[]): SeenByUpstream {
  const seen: SeenByUpstream = {
    requests: 0,
    active: 0,
    maxActive: 0,
    connections: 0,
    maxConnections: 0,
    acceptedConnections: 0,
    secondAttempts: 0,
  };
  const watches = new Set<{ least: number }>();
  const server = createServer((request, response) => {
    seen.requests++;
    seen.active++;
    seen.maxActive = Math.max(seen.maxActive, seen.active);
    response.once("close", () => void seen.active--);
    const isFirst = request.headers["x-envoy-attempt-count"] === "1";
    if (!isFirst) seen.secondAttempts++;
    const path = request.url!;
    if (path.includes("first") && isFirst) response.writeHead(503).end();
    else if (path.includes("hold") || path.includes("first")) held.push(response);
    else setTimeout(() => response.end("done"), DELAY_MS);
  });
  server.keepAliveTimeout = 60_000;
  server.on("connection", (socket) => {
    seen.acceptedConnections++;
    seen.connections++;
    const watch = { least: seen.connections };
    watches.add(watch);
    setTimeout(() => {
      watches.delete(watch);
      seen.maxConnections = Math.max(seen.maxConnections, watch.least);
    }, SKEW_MS);
    let isOpen = true;
    const close = (): void => {
      if (!isOpen) return;
      isOpen = false;
      seen.connections--;
      for (const other of watches) other.least = Math.min(other.least, seen.connections);
    };
    socket.once("end", close);
    socket.once("close", close);
  });
  server.listen(port, "127.0.0.1");
  return seen;
}

if (import.meta.main) {
  const [control = 0, ...ports] = Deno.args.map(Number);
  const held: ServerResponse[] = [];
  const servers = ports.map((port) => serve(port, held));
  createServer((request, response) => {
    if (request.url === "/release") { for (const waiting of held.splice(0)) waiting.end("held"); }
    response.end(JSON.stringify(servers));
  }).listen(control, "127.0.0.1");
}
