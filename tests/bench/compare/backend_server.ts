/** Upstream for machines without nginx: `backend_server.ts H1PORT H2PORT SMALL NAME:BYTES…`. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import * as http2 from "node:http2";

const [h1Port, h2Port, small = "", ...sizes] = Deno.args;
const bodies = new Map<string | undefined, Uint8Array>(
  sizes.map((row): [string, Uint8Array] => {
    const [name, bytes] = row.split(":");
    return [`/${name}`, new Uint8Array(Number(bytes)).fill(0x78)];
  }),
);
const fallback = new TextEncoder().encode(small);

type Request = IncomingMessage | http2.Http2ServerRequest;
type Response = ServerResponse | http2.Http2ServerResponse;

function answer(request: Request, response: Response): void {
  const body = bodies.get(request.url) ?? fallback;
  request.on("data", () => {});
  request.on("end", () => {
    response.writeHead(200, { "content-length": String(body.length) });
    (response as ServerResponse).end(body);
  });
}

const h1 = createServer({ keepAliveTimeout: 600_000 }, answer);
h1.listen(Number(h1Port), "127.0.0.1");
http2.createServer(answer).listen(Number(h2Port), "127.0.0.1");
