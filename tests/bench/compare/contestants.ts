/** Starts the proxies that are compared, each with one worker, on free loopback ports. */

import { freePort } from "../../support/proxy.ts";
import type { Backend } from "./backend.ts";
import { nginxProcess, reverseProxy } from "./nginx.ts";
import type { Peer } from "./options.ts";
import { isAccepting, Program } from "./program.ts";
import { bootstrap, type Listener } from "./proxy_config.ts";

/** A running proxy; a listener it cannot have is absent. */
export interface Contestant {
  readonly name: string;
  readonly program: Program;
  readonly ports: Readonly<Partial<Record<Listener, number>>>;
  /** From its start until it accepts. */
  readonly readyMs: number;
}

/** Starts one more process of the same proxy. */
export type Launch = () => Promise<Contestant>;

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;
const START_LIMIT_MS = 20_000;

/** How the peer is started. */
export function peerLaunch(peer: Peer, dir: string, backend: Backend): Launch {
  if (peer === "nginx") return () => launchNginx(dir, backend);
  return () =>
    launchEnvoyLike(
      "envoy",
      dir,
      backend,
      (file) => ["envoy", "-c", file, "--use-dynamic-base-id"],
    );
}

/** How denvoy is started. */
export function ownLaunch(dir: string, backend: Backend): Launch {
  const run = [Deno.execPath(), "run", "--quiet", "-A", MAIN];
  return () => launchEnvoyLike("denvoy", dir, backend, (file) => [...run, "-c", file]);
}

async function launchEnvoyLike(
  name: string,
  dir: string,
  backend: Backend,
  commandLine: (configPath: string) => string[],
): Promise<Contestant> {
  const ports = {
    admin: await freePort(),
    plain: await freePort(),
    tls: await freePort(),
    edge: await freePort(),
    to_h2: await freePort(),
  };
  const file = `${dir}/${name}-${ports.admin}.yaml`;
  const accessLogPath = `${dir}/${name}-${ports.admin}.log`;
  const upstreams = { h1Upstream: backend.h1Port, h2Upstream: backend.h2Port };
  Deno.writeTextFileSync(file, bootstrap({ dir, ports, ...upstreams, accessLogPath }));
  const [command = "", ...args] = commandLine(file);
  args.push("--concurrency", "1", "--log-level", "error");
  return await whenReady(() => new Program(name, command, args), ports);
}

async function launchNginx(dir: string, backend: Backend): Promise<Contestant> {
  const ports = { plain: await freePort(), tls: await freePort() };
  const servers = reverseProxy(dir, { ...ports, upstream: backend.h1Port });
  return await whenReady(() => nginxProcess(`proxy-${ports.plain}`, dir, servers), ports);
}

async function whenReady(
  start: () => Program,
  ports: Contestant["ports"] & { readonly plain: number },
): Promise<Contestant> {
  const startMs = performance.now();
  const program = start();
  if (!await isAccepting(ports.plain, START_LIMIT_MS)) {
    await program.end();
    throw new Error(`${program.name} does not accept:\n${program.complaint}`);
  }
  return { name: program.name, program, ports, readyMs: performance.now() - startMs };
}
