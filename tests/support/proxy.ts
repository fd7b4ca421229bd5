/** Starts denvoy as a user does, on a configuration with free loopback ports, and ends it by pid. */

import { createServer } from "node:net";

const ROOT = new URL("../../", import.meta.url);
const READY_LIMIT_MS = 15_000;

/** A running proxy. */
export interface RunningProxy {
  readonly pid: number;
  readonly adminPort: number;
  readonly ports: Readonly<Record<string, number>>;
  /** GET or POST on the admin port. */
  admin(path: string, method?: string): Promise<string>;
  /** A counter or gauge of /stats. */
  stat(name: string): Promise<number>;
  /** The temporary folder, gone after `stop`. */
  readonly dir: string;
  /** The exit code, once it has one. */
  readonly ended: Promise<number>;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number>;
  readonly stderr: () => string;
}

export interface ProxyOptions {
  /** YAML; `{{NAME}}` becomes a free port, `{{admin}}` the admin's, `{{dir}}` a temporary folder. */
  readonly config: string;
  readonly args?: readonly string[];
  /** Ports that are known already, as of upstreams. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Another main module than main.ts, and what it finds in its environment; `{{dir}}` as above. */
  readonly main?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Below what Linux and macOS give to outgoing connections, which would take a port that is free still. */
const FIRST_PORT = 12_000;
const PORTS = 20_000;

/** A port of 127.0.0.1 that was free just now, and that no connection takes by itself. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Starts the proxy and waits until it is LIVE. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const dir = await Deno.makeTempDir({ prefix: "denvoy-test-" });
  const ports: Record<string, number> = { ...options.ports };
  for (const [, name = ""] of options.config.matchAll(/\{\{(\w+)\}\}/g)) {
    if (name !== "dir") ports[name] ??= await freePort();
  }
  ports["admin"] ??= await freePort();
  const text = options.config.replaceAll(
    /\{\{(\w+)\}\}/g,
    (_, name: string) => name === "dir" ? dir : String(ports[name]),
  );
  const file = `${dir}/config.yaml`;
  await Deno.writeTextFile(file, text);
  const child = new Deno.Command(Deno.execPath(), {
    cwd: ROOT,
    args: [
      "run",
      "-A",
      options.main ?? "main.ts",
      "-c",
      file,
      "--log-level",
      "error",
      ...(options.args ?? []),
    ],
    env: Object.fromEntries(
      Object.entries(options.env ?? {}).map(([name, value]) => [
        name,
        value.replaceAll("{{dir}}", dir),
      ]),
    ),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let stderr = "";
  const reading = (async () => {
    for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) stderr += part;
  })();
  const ended = child.status.then(async (status) => {
    await reading;
    return status.code;
  });
  const adminPort = ports["admin"]!;
  // No connection stays open between calls: some tests count what the proxy holds.
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const admin = async (path: string, method = "GET"): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, { method, client });
    return await response.text();
  };
  const proxy: RunningProxy = {
    pid: child.pid,
    adminPort,
    ports,
    dir,
    ended,
    admin,
    stat: async (name) => {
      const text = await admin(`/stats?filter=^${name.replaceAll(".", "\\.")}$`);
      return Number(text.split(": ")[1] ?? NaN);
    },
    stop: async () => {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended by itself.
      }
      const code = await ended;
      client.close();
      await Deno.remove(dir, { recursive: true });
      return code;
    },
    stderr: () => stderr,
  };
  await untilLive(proxy, ended);
  return proxy;
}

async function untilLive(proxy: RunningProxy, ended: Promise<number>): Promise<void> {
  const limit = performance.now() + READY_LIMIT_MS;
  let code: number | undefined;
  void ended.then((value) => code = value);
  while (performance.now() < limit && code === undefined) {
    try {
      if ((await proxy.admin("/ready")) === "LIVE\n") return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`The proxy is not ready (exit code ${code}):\n${proxy.stderr()}`);
}

/** Whether a program is on the PATH; tests of optional tools ask and name the tool they lack. */
export function hasTool(name: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((directory) => {
    try {
      return Deno.statSync(`${directory}/${name}`).isFile;
    } catch {
      return false;
    }
  });
}
