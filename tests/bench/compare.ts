/**
 * denvoy beside Envoy or nginx: same configuration, same upstream, same load, turn and turn about.
 * The figures are CPU µs per request of the whole process tree, which on a shared machine is far
 * steadier than requests per second, and medians over the rounds. Usage: `compare/options.ts`.
 */

import { ensureDevCertificate } from "../../src/cli/dev_certificate.ts";
import { hasTool } from "../support/proxy.ts";
import { type Backend, startBackend } from "./compare/backend.ts";
import { type Contestant, type Launch, ownLaunch, peerLaunch } from "./compare/contestants.ts";
import { type LoadResult, runLoad } from "./compare/load.ts";
import { type CompareOptions, parseOptions, type Peer, USAGE } from "./compare/options.ts";
import { PROCESS_UNITS, processFigure } from "./compare/process_figures.ts";
import { type Figure, figureLine, figuresJson, median, say } from "./compare/report.ts";
import { LOADS, type LoadScenario, PROCESS_FIGURES, SCENARIO_NAMES } from "./compare/scenarios.ts";

/** Runs the comparison. @returns the exit code: 0 too where a tool is missing, 2 for a wrong flag */
export async function compare(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (typeof options === "string") return refuse(options);
  const unknown = options.only.find((name) => !SCENARIO_NAMES.includes(name));
  if (unknown !== undefined) {
    return refuse(`--only knows no "${unknown}"; there are ${SCENARIO_NAMES.join(", ")}`);
  }
  const peer = installedPeer(options);
  if (peer === undefined) return 0;
  const dir = await Deno.makeTempDir({ prefix: "denvoy-bench-" });
  const comparison = new Comparison(options, peer, dir);
  const stop = (): void => void comparison.end().then(() => Deno.exit(130));
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  try {
    // nginx's workers run as another user.
    await Deno.chmod(dir, 0o755);
    await ensureDevCertificate(dir);
    await comparison.run();
  } finally {
    await comparison.end();
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGTERM", stop);
  }
  return 0;
}

function refuse(message: string): number {
  say(`${message}\n${USAGE}`);
  return 2;
}

/** The proxy to compare with; undefined, and a line that says why, if there is nothing to do. */
function installedPeer(options: CompareOptions): Peer | undefined {
  if (Deno.build.os !== "linux") {
    say("No comparison: CPU time is read from Linux's /proc");
    return undefined;
  }
  const wanted: readonly Peer[] = options.peer === undefined ? ["envoy", "nginx"] : [options.peer];
  const peer = wanted.find(hasTool);
  if (peer === undefined) say(`No comparison: ${wanted.join(" and ")} missing on the PATH`);
  return peer;
}

class Comparison {
  readonly #options: CompareOptions;
  readonly #peer: Peer;
  readonly #dir: string;
  readonly #figures: Figure[] = [];
  readonly #running = new Set<Contestant>();
  #backend: Backend | undefined;

  constructor(options: CompareOptions, peer: Peer, dir: string) {
    this.#options = options;
    this.#peer = peer;
    this.#dir = dir;
  }

  async run(): Promise<void> {
    const backend = await startBackend(this.#dir);
    this.#backend = backend;
    const launches: Pair<Launch> = [
      this.#tracked(peerLaunch(this.#peer, this.#dir, backend)),
      this.#tracked(ownLaunch(this.#dir, backend)),
    ];
    say(`denvoy beside ${this.#peer}, one worker each; upstream ${backend.name}`);
    await this.#runLoads(LOADS.filter((load) => this.#isWanted(load)), launches);
    for (const figure of PROCESS_FIGURES) {
      if (!this.#isNamed(figure)) continue;
      await this.#figure(
        figure,
        PROCESS_UNITS[figure],
        (side) => processFigure(figure, launches[side]),
      );
    }
    const { jsonPath } = this.#options;
    if (jsonPath !== undefined) {
      await Deno.writeTextFile(jsonPath, figuresJson(this.#peer, this.#figures));
    }
  }

  /** Ends whatever still runs; may be called twice. */
  async end(): Promise<void> {
    await Promise.all([...this.#running].map(({ program }) => program.end()));
    await this.#backend?.end();
    await Deno.remove(this.#dir, { recursive: true }).catch(() => {});
  }

  async #runLoads(loads: readonly LoadScenario[], launches: Pair<Launch>): Promise<void> {
    if (loads.length === 0) return;
    const pair: Pair<Contestant> = [await launches[0](), await launches[1]()];
    for (const load of loads) {
      for (const contestant of pair) await this.#load(load, contestant); // compiles the hot paths
      await this.#figure(load.name, "cpu µs/rq", async (side) => {
        const { program } = pair[side];
        const beforeUs = program.cpuUs();
        const result = await this.#load(load, pair[side]);
        if (result.failure !== undefined) say(`   ${program.name}: ${result.failure}`);
        return (program.cpuUs() - beforeUs) / result.requests;
      });
    }
    for (const { program } of pair) await program.end();
  }

  #load(load: LoadScenario, contestant: Contestant): Promise<LoadResult> {
    const port = contestant.ports[load.listener]!;
    return runLoad(load, { port, secs: this.#options.secs, dir: this.#dir });
  }

  /** Measures both, in turn, and reports the medians. */
  async #figure(
    scenario: string,
    unit: string,
    measure: (side: 0 | 1) => Promise<number>,
  ): Promise<void> {
    const values: Pair<number[]> = [[], []];
    for (let round = 0; round < this.#options.rounds; round++) {
      values[0].push(await measure(0));
      values[1].push(await measure(1));
    }
    const figure = { scenario, unit, peer: median(values[0]), own: median(values[1]) };
    this.#figures.push(figure);
    say(figureLine(this.#peer, figure));
  }

  #isNamed(name: string): boolean {
    return this.#options.only.length === 0 || this.#options.only.includes(name);
  }

  /** Asked for, and possible with what is installed; else it says what is missing. */
  #isWanted(load: LoadScenario): boolean {
    if (!this.#isNamed(load.name)) return false;
    if (load.tool !== "handshakes" && !hasTool(load.tool)) {
      say(`${load.name.padEnd(14)} skipped: ${load.tool} missing on the PATH`);
      return false;
    }
    if (this.#peer === "nginx" && load.listener !== "plain" && load.listener !== "tls") {
      say(`${load.name.padEnd(14)} skipped: nginx has no such configuration`);
      return false;
    }
    return true;
  }

  #tracked(launch: Launch): Launch {
    return async () => {
      const contestant = await launch();
      this.#running.add(contestant);
      return contestant;
    };
  }
}

/** The peer's, then denvoy's. */
type Pair<T> = [peer: T, own: T];

if (import.meta.main) Deno.exit(await compare(Deno.args));
