/**
 * The upstream of every scenario: nginx, since it is never the slowest; where it is missing, a Deno
 * process. It speaks HTTP/1.1 on one port and cleartext HTTP/2 on the other, and answers `/r` (62
 * bytes), `/10k`, `/1m` and, after reading the whole request body, `/sink`.
 */

import { freePort, hasTool } from "../../support/proxy.ts";
import { nginxProcess } from "./nginx.ts";
import { isAccepting, Program } from "./program.ts";

export interface Backend {
  readonly name: string;
  readonly h1Port: number;
  readonly h2Port: number;
  end(): Promise<void>;
}

const SMALL = "hello world ".repeat(5) + "62";
const FILES: readonly (readonly [name: string, bytes: number])[] = [
  ["10k", 10_240],
  ["1m", 1_048_576],
];
const START_LIMIT_MS = 10_000;

/** Starts the upstream; its files are in `dir`. */
export async function startBackend(dir: string): Promise<Backend> {
  const h1Port = await freePort();
  const h2Port = await freePort();
  const program = hasTool("nginx") ? nginx(dir, h1Port, h2Port) : deno(h1Port, h2Port);
  if (!await isAccepting(h1Port, START_LIMIT_MS)) {
    const { complaint } = program;
    await program.end();
    throw new Error(`The upstream does not accept:\n${complaint}`);
  }
  return { name: program.name, h1Port, h2Port, end: () => program.end() };
}

function nginx(dir: string, h1Port: number, h2Port: number): Program {
  for (const [name, bytes] of FILES) {
    Deno.writeFileSync(`${dir}/${name}`, new Uint8Array(bytes).fill(0x78));
  }
  // A proxied answer makes nginx read all of the request's body first.
  const http = `
  server {
    listen 127.0.0.1:${h1Port};
    listen 127.0.0.1:${h2Port} http2;
    root ${dir};
    location = /r { return 200 "${SMALL}"; }
    location = /sink { proxy_pass http://127.0.0.1:${h1Port}/r; proxy_request_buffering on; }
  }`;
  return nginxProcess("backend", dir, http);
}

function deno(h1Port: number, h2Port: number): Program {
  const script = new URL("backend_server.ts", import.meta.url).pathname;
  const sizes = FILES.map(([name, bytes]) => `${name}:${bytes}`);
  return new Program("deno", Deno.execPath(), [
    ...["run", "--quiet", "-A", script],
    ...[String(h1Port), String(h2Port), SMALL, ...sizes],
  ]);
}
