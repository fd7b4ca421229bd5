/**
 * `upstream_rq_<code>` and its kin under a cluster, in trees for internal, external, canary and
 * zone-to-zone requests: counters are made at a code's first use and found by index after that.
 */

import type { Counter, Histogram, Scope } from "../stats/mod.ts";
import type { ResponseKind } from "./api.ts";

const CLASSES: readonly string[] = ["", "1xx", "2xx", "3xx", "4xx", "5xx"];

/** Counters of one tree by status. */
export class CodeTree {
  readonly #scope: Scope;
  readonly #codes: (Counter | undefined)[] = [];
  readonly #classes: (Counter | undefined)[] = [];
  #completed: Counter | undefined;
  #time: Histogram | undefined;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  charge(status: number): void {
    const at = status < 100 || status > 999 ? 0 : status;
    let code = this.#codes[at];
    if (code === undefined) {
      code = this.#codes[at] = this.#scope.counter(`upstream_rq_${status}`);
    }
    code.inc();
    const family = Math.floor(at / 100);
    if (family >= 1 && family <= 5) {
      let group = this.#classes[family];
      if (group === undefined) {
        group = this.#classes[family] = this.#scope.counter(`upstream_rq_${CLASSES[family]}`);
      }
      group.inc();
    }
    (this.#completed ??= this.#scope.counter("upstream_rq_completed")).inc();
  }

  recordTime(timeMs: number): void {
    (this.#time ??= this.#scope.histogram("upstream_rq_time", "milliseconds")).record(timeMs);
  }
}

/** Counts responses and their times in milliseconds by code, class and kind of request. */
export class ResponseCodes {
  readonly #scope: Scope;
  readonly #plain: CodeTree;
  #internal: CodeTree | undefined;
  #external: CodeTree | undefined;
  #canary: CodeTree | undefined;
  /** The proxy's own zone, "" if it is not known. */
  readonly #ownZone: string;
  readonly #zones = new Map<string, CodeTree>();

  constructor(scope: Scope, ownZone = "") {
    this.#scope = scope;
    this.#ownZone = ownZone;
    this.#plain = new CodeTree(scope);
  }

  charge(status: number, { isInternal, isCanary }: ResponseKind): void {
    this.#plain.charge(status);
    const side = isInternal
      ? this.#internal ??= new CodeTree(this.#scope.scope("internal"))
      : this.#external ??= new CodeTree(this.#scope.scope("external"));
    side.charge(status);
    if (isCanary) (this.#canary ??= new CodeTree(this.#scope.scope("canary"))).charge(status);
  }

  /** Records how long a whole response took, in milliseconds. */
  recordTime(timeMs: number, { isInternal, isCanary }: ResponseKind): void {
    this.#plain.recordTime(timeMs);
    (isInternal ? this.#internal : this.#external)?.recordTime(timeMs);
    if (isCanary) this.#canary?.recordTime(timeMs);
  }

  /** The tree `zone.<own>.<zone>`, where both zones are known. */
  zone(zone: string): CodeTree | undefined {
    if (zone === "" || this.#ownZone === "") return undefined;
    let tree = this.#zones.get(zone);
    if (tree === undefined) {
      tree = new CodeTree(this.#scope.scope(`zone.${this.#ownZone}.${zone}`));
      this.#zones.set(zone, tree);
    }
    return tree;
  }
}
