/** A worker's DNS cache that answers as a script says, and counts who waits. */

import type { DnsCacheView, DnsLoad, DnsWaiter } from "../../../src/upstream/mod.ts";

/** `script` gives the answer at once; undefined has the name waited for. */
export class FakeDnsCache implements DnsCacheView {
  /** Each name asked for, with its default port. */
  readonly loads: string[] = [];
  readonly #script: (host: string) => DnsLoad | undefined;
  /** Who waited last. */
  waiter: DnsWaiter | undefined = undefined;
  /** Waiting requests in the cache. */
  pending = 0;
  cancelled = 0;
  canWait = true;

  constructor(script: (host: string) => DnsLoad | undefined) {
    this.#script = script;
  }

  tryRequest(): boolean {
    if (this.canWait) this.pending++;
    return this.canWait;
  }

  releaseRequest(): void {
    this.pending--;
  }

  load(host: string, port: number, waiter: DnsWaiter): DnsLoad {
    this.loads.push(`${host} ${port}`);
    const load = this.#script(host);
    if (load !== undefined) return load;
    this.waiter = waiter;
    return { status: "loading", handle: { cancel: () => void this.cancelled++ } };
  }
}
