/** A demo upstream: answers with what it saw, so that a user sees what the proxy did. */

import { createServer } from "node:http";

export interface DemoUpstream {
  close(): Promise<void>;
}

/** Starts an echo server on 127.0.0.1. */
export function startDemoUpstream(name: string, port: number): DemoUpstream {
  const server = createServer((request, response) => {
    const lines = [`${name}: ${request.method} ${request.url} HTTP/${request.httpVersion}`];
    for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
      lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
    }
    let size = 0;
    request.on("data", (chunk: Uint8Array) => size += chunk.length);
    request.on("end", () => {
      if (size > 0) lines.push("", `(${size} bytes of body)`);
      response.writeHead(200, { "content-type": "text/plain", "x-upstream": name });
      response.end(lines.join("\n") + "\n");
    });
  });
  server.listen(port, "127.0.0.1");
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
