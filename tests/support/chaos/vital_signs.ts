/** What a proxy process holds: descriptors, and per thread armed timers and heap. */

import type { RunningProxy } from "../proxy.ts";
import type { ThreadCounts } from "./probe.ts";

const POLL_MS = 20;

/** The holdings of a process at one moment. */
export interface VitalSigns {
  readonly sockets: number;
  /** By thread. */
  readonly threads: ReadonlyMap<string, ThreadCounts>;
}

/** Asks every thread of a proxy that was started with the probe. */
export class Doctor {
  readonly #proxy: RunningProxy;
  readonly #threads: number;
  #number = 0;

  /** @param threads workers and main */
  constructor(proxy: RunningProxy, threads: number) {
    this.#proxy = proxy;
    this.#threads = threads;
  }

  /** The most sockets that it holds within a time in which nothing happens. */
  async watch(ms: number): Promise<VitalSigns> {
    const end = performance.now() + ms;
    let most = await this.look();
    while (performance.now() < end) {
      const now = await this.look();
      if (now.sockets > most.sockets) most = now;
    }
    return most;
  }

  async look(): Promise<VitalSigns> {
    const { dir } = this.#proxy;
    const number = ++this.#number;
    Deno.writeTextFileSync(`${dir}/probe.new`, String(number));
    Deno.renameSync(`${dir}/probe.new`, `${dir}/probe`);
    for (;;) {
      const threads = new Map<string, ThreadCounts>();
      for (const { name } of Deno.readDirSync(dir)) {
        const thread = /^probe\.(\w+)\.json$/.exec(name)?.[1];
        if (thread === undefined) continue;
        const counts = JSON.parse(Deno.readTextFileSync(`${dir}/${name}`)) as ThreadCounts;
        if (counts.number === number) threads.set(thread, counts);
      }
      if (threads.size === this.#threads) return { sockets: this.#sockets(), threads };
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  #sockets(): number {
    let sockets = 0;
    for (const { name } of Deno.readDirSync(`/proc/${this.#proxy.pid}/fd`)) {
      try {
        const target = Deno.readLinkSync(`/proc/${this.#proxy.pid}/fd/${name}`);
        if (target.startsWith("socket:")) sockets++;
      } catch {
        // Closed meanwhile.
      }
    }
    return sockets;
  }
}
