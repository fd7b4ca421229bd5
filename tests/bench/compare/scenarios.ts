/** What is measured: loads as a table, in the order they run, and the figures of a fresh process. */

import type { Listener } from "./proxy_config.ts";

/** Keeps connections busy for some seconds; the figure is CPU µs per request. */
export interface LoadScenario {
  readonly name: string;
  readonly tool: "wrk" | "h2load" | "handshakes";
  readonly listener: Listener;
  readonly path: string;
  readonly connections: number;
  /** Concurrent streams per HTTP/2 connection. */
  readonly streams?: number;
  readonly headers?: readonly string[];
  /** A POST with a body of so many bytes. */
  readonly bodyBytes?: number;
}

/** What a browser sends beside the pseudo-headers; no edge route matches its tenant. */
const BROWSER: readonly string[] = [
  "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "accept-encoding: gzip, deflate, br",
  "accept-language: en-GB,en;q=0.9,de;q=0.8",
  "cookie: session=8b1a9953c4611296a827abf8c47804d7; theme=dark; _ga=GA1.1.1234567890.1700000000; cart=3",
  "cache-control: no-cache",
  "sec-fetch-dest: document",
  "sec-fetch-mode: navigate",
  "sec-fetch-site: same-origin",
  "upgrade-insecure-requests: 1",
  "referer: https://localhost/start",
  "x-tenant: t99",
];

const wrk = { tool: "wrk", path: "/r", connections: 64 } as const;
const h2load = { tool: "h2load", path: "/r", connections: 16, streams: 16 } as const;

// deno-fmt-ignore
export const LOADS: readonly LoadScenario[] = [
  { name: "h1", ...wrk, listener: "plain" },
  { name: "h1-10k", ...wrk, listener: "plain", path: "/10k" },
  { name: "h1-1m", ...wrk, listener: "plain", path: "/1m", connections: 16 },
  { name: "h1-post-10k", ...wrk, listener: "plain", path: "/sink", connections: 32, bodyBytes: 10_240 },
  { name: "tls-h1", ...wrk, listener: "tls" },
  { name: "tls-h1-1m", ...wrk, listener: "tls", path: "/1m", connections: 16 },
  { name: "tls-h2", ...h2load, listener: "tls" },
  { name: "tls-h2-10k", ...h2load, listener: "tls", path: "/10k" },
  { name: "tls-h2-1m", ...h2load, listener: "tls", path: "/1m", streams: 4 },
  { name: "edge-h1", ...wrk, listener: "edge", headers: BROWSER },
  { name: "edge-h2", ...h2load, listener: "edge", headers: BROWSER },
  { name: "h2c-to-h2", ...h2load, listener: "to_h2" },
  { name: "h1-to-h2", ...wrk, listener: "to_h2" },
  { name: "tls-new-conn", tool: "handshakes", listener: "tls", path: "/r", connections: 16 },
];

/** Each of these starts processes of its own. */
export const PROCESS_FIGURES = ["start", "idle-rss", "idle-conn", "idle-tls-conn"] as const;
export type ProcessFigure = typeof PROCESS_FIGURES[number];

/** All names that `--only` takes. */
export const SCENARIO_NAMES: readonly string[] = [
  ...LOADS.map((load) => load.name),
  ...PROCESS_FIGURES,
];

/** Whether a load needs TLS. */
export function isTls(listener: Listener): boolean {
  return listener === "tls" || listener === "edge";
}
