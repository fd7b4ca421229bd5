/** Resources by a file that is read at once and again when it is replaced (Envoy's filesystem xDS). */

import { formatProblem, logger } from "../base/mod.ts";
import { decodeDiscoveryFile, type Decoder, formatOf, sizeProblem } from "../config/mod.ts";
import type { ResourceEvents, Subscription } from "../upstream/mod.ts";
import { type Watch, watchFiles } from "./file_watcher.ts";

/** Which file, and what is watched. */
export interface FileSource {
  readonly path: string;
  /** Watched in place of the file's own directory, for any rename in it. */
  readonly watchedDirectory: string | undefined;
  /** Whether writing in place counts too. */
  readonly seesWrites: boolean;
}

/** What a subscription works with. */
export interface SubscriptionParts {
  readonly decoder: Decoder;
  readonly events: ResourceEvents;
  /** Runs work as one turn of the thread. */
  readonly run: (work: () => void) => void;
}

/** Reads a file of resources from its start on; tells what it holds, or why that is not taken. */
export class FileSubscription implements Subscription {
  readonly #source: FileSource;
  readonly #parts: SubscriptionParts;
  #watch: Watch | undefined;

  constructor(source: FileSource, parts: SubscriptionParts) {
    this.#source = source;
    this.#parts = parts;
  }

  start(): void {
    const { path, watchedDirectory, seesWrites } = this.#source;
    const slash = path.lastIndexOf("/");
    const own = slash < 0 ? "." : path.slice(0, slash) || "/";
    this.#watch = watchFiles({
      directory: watchedDirectory ?? own,
      name: watchedDirectory === undefined ? path.slice(slash + 1) : undefined,
      seesWrites,
      onChange: () => this.#readInTurn(),
    });
    this.#readInTurn();
  }

  stop(): void {
    this.#watch?.stop();
  }

  #readInTurn(): void {
    this.#parts.run(() => this.#read());
  }

  #read(): void {
    const { events, decoder } = this.#parts;
    const { path } = this.#source;
    events.onAttempt();
    const text = readText(path);
    if (text.error !== undefined) {
      logger("config").warn(`${path}: ${text.error}`);
      events.onFailure();
      return;
    }
    const response = decodeDiscoveryFile(text.content, path, decoder);
    const hasErrors = () => response.problems().some(({ severity }) => isFatal(severity));
    if (response.isUnreadable) events.onFailure();
    else if (hasErrors()) events.onRejected();
    else {
      const { version, resources } = response;
      const refusal = events.onResources({
        version,
        resources,
        problems: response.problemsFor(),
        hasErrors,
      });
      if (refusal !== undefined) logger("config").warn(`${path}: ${refusal}`);
    }
    for (const problem of response.problems()) logger("config").warn(formatProblem(problem));
  }
}

/** What would change routing or security refuses a resource like an error. */
function isFatal(severity: string): boolean {
  return severity === "error" || severity === "unsupported_refused";
}

type Text = { readonly content: string; readonly error?: undefined } | { readonly error: string };

function readText(path: string): Text {
  try {
    const tooLarge = sizeProblem(Deno.statSync(path).size, formatOf(path));
    return tooLarge === undefined ? { content: Deno.readTextFileSync(path) } : { error: tooLarge };
  } catch (error) {
    return { error: `cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}
