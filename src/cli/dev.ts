/**
 * `deno task dev`: demo upstreams, a development certificate and the proxy on config/dev.yaml,
 * restarted when that file changes. Not part of the compiled executable's main job.
 */

import { ensureDevCertificate } from "./dev_certificate.ts";
import { type DemoUpstream, startDemoUpstream } from "./dev_upstream.ts";

const ROOT = new URL("../../", import.meta.url);
const CONFIG = "config/dev.yaml";
const UPSTREAMS: readonly (readonly [name: string, port: number])[] = [
  ["blue", 10101],
  ["green", 10102],
  ["shadow", 10103],
];
/** Editors write a file in several steps; one restart for all of them. */
const SETTLE_MS = 150;

const BANNER = `
denvoy is up. Try:

  curl http://127.0.0.1:10000/                        an echo of your request, from "blue"
  curl -d 'some body' http://127.0.0.1:10000/anything
  curl http://127.0.0.1:10000/hello                   a direct response
  curl -i http://127.0.0.1:10000/old/page             a redirect
  curl http://127.0.0.1:10000/split                   80 % blue, 20 % green
  curl http://127.0.0.1:10000/mirror                  blue answers, "shadow" gets a copy
  curl http://127.0.0.1:10000/green/x                 prefix rewrite to green
  curl --cacert .dev/cert.pem https://localhost:10443/        TLS, HTTP/2 where curl has it
  curl http://127.0.0.1:9901/stats?usedonly           admin: http://127.0.0.1:9901/

Edit ${CONFIG} and save: it restarts. Ctrl-C ends everything.
`;

/** Runs until interrupted. @returns the exit code */
export async function dev(): Promise<number> {
  Deno.chdir(ROOT);
  await ensureDevCertificate(".dev");
  const upstreams = UPSTREAMS.map(([name, port]) => startDemoUpstream(name, port));
  const proxy = new SupervisedProxy();
  const ended = Promise.withResolvers<number>();
  const stop = (): void => ended.resolve(0);
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  proxy.start();
  if (await proxy.isReady()) print(BANNER);
  const watcher = Deno.watchFs("config");
  watch(watcher, () => proxy.restart());
  const code = await ended.promise;
  watcher.close();
  await proxy.stop();
  await Promise.all(upstreams.map((upstream: DemoUpstream) => upstream.close()));
  return code;
}

async function watch(watcher: Deno.FsWatcher, restart: () => Promise<void>): Promise<void> {
  let timer: number | undefined;
  for await (const event of watcher) {
    if (event.kind === "access" || !event.paths.some((path) => path.endsWith("dev.yaml"))) continue;
    clearTimeout(timer);
    timer = setTimeout(restart, SETTLE_MS) as unknown as number;
  }
}

/** The proxy as a child, so that a restart is what a user's restart is. */
class SupervisedProxy {
  #child: Deno.ChildProcess | undefined;

  start(): void {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "main.ts", "-c", CONFIG, "--concurrency", "1", "--drain-time-s", "2"],
      stdin: "null",
    }).spawn();
  }

  /** Waits until the admin port says LIVE, for at most ten seconds. */
  async isReady(): Promise<boolean> {
    for (let attempt = 0; attempt < 200; attempt++) {
      try {
        const response = await fetch("http://127.0.0.1:9901/ready");
        await response.body?.cancel();
        if (response.ok) return true;
      } catch {
        // Not up yet.
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  }

  async restart(): Promise<void> {
    print(`${CONFIG} changed: restarting\n`);
    await this.stop();
    this.start();
    if (await this.isReady()) print("ready\n");
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended by itself: a bad configuration.
    }
    await child.status;
  }
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) Deno.exit(await dev());
