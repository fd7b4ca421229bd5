/**
 * Routes in order, the first match wins. Runs of neighbouring exact paths are looked up by hash, so
 * that a table of many exact paths costs one look-up; all else is asked one by one, path first.
 */

import { H, type HeaderMap, type StreamInfo } from "../http/mod.ts";
import type { Route } from "./route.ts";
import type { RouteEntry } from "./route_entry.ts";
import { justPath } from "./units.ts";

/** Fewer exact paths than this are compared faster than hashed. */
const MIN_RUN = 4;

/** One entry, or a run of entries with exact paths. */
type Step = RouteEntry | ReadonlyMap<string, readonly RouteEntry[]>;

/**
 * The routes of one virtual host or action; `match` gives the first that the request meets, or
 * none.
 */
export class RouteList {
  readonly #steps: readonly Step[];
  readonly #ignoresParameters: boolean;

  /** @param ignoresParameters whether what follows a ";" in the path is not matched */
  constructor(entries: readonly RouteEntry[], ignoresParameters = false) {
    this.#ignoresParameters = ignoresParameters;
    const steps: Step[] = [];
    let run: RouteEntry[] = [];
    const endRun = (): void => {
      if (run.length >= MIN_RUN) steps.push(Map.groupBy(run, (entry) => entry.path.exactPath!));
      else steps.push(...run);
      run = [];
    };
    for (const entry of entries) {
      if (entry.path.exactPath !== undefined) {
        run.push(entry);
        continue;
      }
      endRun();
      steps.push(entry);
    }
    endRun();
    this.#steps = steps;
  }

  match(headers: HeaderMap, info: StreamInfo, random: number): Route | undefined {
    const whole = headers.getId(H.path);
    const path = whole === undefined ? undefined : this.#matchedPath(whole);
    const steps = this.#steps;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!;
      if (step instanceof Map) {
        const found = path === undefined ? undefined : step.get(path);
        if (found === undefined) continue;
        for (const entry of found) {
          if (entry.holds(headers, info, random)) return entry.select(headers, info, random);
        }
      } else if (
        (step as RouteEntry).matchesPath(path, headers) &&
        (step as RouteEntry).holds(headers, info, random)
      ) {
        return (step as RouteEntry).select(headers, info, random);
      }
    }
    return undefined;
  }

  #matchedPath(whole: string): string {
    const path = justPath(whole);
    if (!this.#ignoresParameters) return path;
    const semicolon = path.indexOf(";");
    return semicolon < 0 ? path : path.slice(0, semicolon);
  }
}
