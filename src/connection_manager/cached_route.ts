/** The route of one stream: looked up when first asked for, and again after `clear`. */

import type { HeaderMap, StreamInfo } from "../http/mod.ts";
import type { Random } from "../base/mod.ts";
import type { Route, RouteTable } from "../route/mod.ts";

const RANDOM_BOUND = 4294967296;

/** A stream's route with the random draw that chose it; `clear` lets filters choose again. */
export class CachedRoute {
  #route: Route | undefined = undefined;
  #isResolved = false;
  #isFinal = false;
  /** One draw a stream: asking again gives the same weighted cluster. */
  #random = -1;

  get isResolved(): boolean {
    return this.#isResolved;
  }

  get current(): Route | undefined {
    return this.#route;
  }

  /** Looks the route up and tells `info` of it; undefined if there is none. */
  resolve(
    table: RouteTable,
    headers: HeaderMap,
    info: StreamInfo,
    random: Random,
  ): Route | undefined {
    if (this.#random < 0) this.#random = random.below(RANDOM_BOUND);
    const found = table.match(headers, info, this.#random);
    this.#route = "miss" in found ? undefined : found;
    this.#isResolved = true;
    info.route = this.#route;
    return this.#route;
  }

  /** Leaves it at what is known, be that nothing. */
  settle(): void {
    this.#isResolved = true;
  }

  clear(): void {
    if (!this.#isFinal) this.#isResolved = false;
  }

  /** What the response was chosen by must not change under it. */
  freeze(): void {
    this.#isFinal = true;
  }
}
