/** Puts a scenario's load on a port and counts what was answered. */

import * as tls from "node:tls";
import { isTls, type LoadScenario } from "./scenarios.ts";

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** What the tool says went wrong; undefined where all was well. */
  readonly failure: string | undefined;
}

export interface LoadOptions {
  readonly port: number;
  readonly secs: number;
  /** For the tools' scripts. */
  readonly dir: string;
}

/** Enough for CPU clock ticks of 10 ms to be small beside the sum. */
const HANDSHAKES = 1200;
const HANDSHAKE_LIMIT_MS = 5000;

/** Runs the load once. */
export async function runLoad(load: LoadScenario, options: LoadOptions): Promise<LoadResult> {
  switch (load.tool) {
    case "wrk":
      return await wrk(load, options);
    case "h2load":
      return await h2load(load, options);
    case "handshakes":
      return await handshakes(load, options.port);
  }
}

function url(load: LoadScenario, port: number): string {
  return `${isTls(load.listener) ? "https" : "http"}://127.0.0.1:${port}${load.path}`;
}

function headerFlags(load: LoadScenario): string[] {
  return (load.headers ?? []).flatMap((line) => ["-H", line]);
}

async function wrk(load: LoadScenario, options: LoadOptions): Promise<LoadResult> {
  const args = ["-t1", `-c${load.connections}`, `-d${options.secs}`, ...headerFlags(load)];
  if (load.bodyBytes !== undefined) {
    const script = `${options.dir}/post-${load.bodyBytes}.lua`;
    Deno.writeTextFileSync(
      script,
      `wrk.method = "POST"\nwrk.body = string.rep("x", ${load.bodyBytes})\n`,
    );
    args.push("-s", script);
  }
  const text = await outputOf("wrk", [...args, url(load, options.port)]);
  return {
    requests: numberIn(text, /(\d+) requests in/),
    requestsPerSecond: numberIn(text, /Requests\/sec:\s+([\d.]+)/),
    failure: /(?:Non-2xx|Socket errors)[^\n]*/.exec(text)?.[0],
  };
}

async function h2load(load: LoadScenario, options: LoadOptions): Promise<LoadResult> {
  const text = await outputOf("h2load", [
    ...["-D", String(options.secs), `-c${load.connections}`, `-m${load.streams ?? 1}`],
    ...headerFlags(load),
    url(load, options.port),
  ]);
  const failed = numberIn(text, /(\d+) failed/);
  return {
    requests: numberIn(text, /(\d+) succeeded/),
    requestsPerSecond: numberIn(text, /finished in [^,]+, ([\d.]+) req/),
    failure: failed > 0 ? `${failed} failed` : undefined,
  };
}

async function outputOf(command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}

/** A new TLS connection with a full handshake for each request. */
async function handshakes(load: LoadScenario, port: number): Promise<LoadResult> {
  const startMs = performance.now();
  let left = HANDSHAKES;
  let answered = 0;
  const client = async (): Promise<void> => {
    while (left-- > 0) if (await handshake(port, load.path)) answered++;
  };
  await Promise.all(Array.from({ length: load.connections }, client));
  return {
    requests: answered,
    requestsPerSecond: answered / ((performance.now() - startMs) / 1000),
    failure: answered < HANDSHAKES ? `${HANDSHAKES - answered} failed` : undefined,
  };
}

function handshake(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    let isAnswered = false;
    const socket = tls.connect({
      host: "127.0.0.1",
      port,
      servername: "localhost",
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    }, () => socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`));
    socket.setTimeout(HANDSHAKE_LIMIT_MS, () => socket.destroy());
    socket.on("data", () => isAnswered = true);
    socket.on("error", () => {});
    socket.on("close", () => resolve(isAnswered));
  });
}
