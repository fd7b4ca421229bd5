/** What the checks over a whole bootstrap share. */

import type { Problems } from "../../base/mod.ts";
import type { Types } from "../../proto/mod.ts";
import type { Decoder } from "../decoder.ts";

/** One run of the checks. */
export interface SemanticContext {
  readonly decoder: Decoder;
  readonly problems: Problems;
  /** Names of the static clusters. */
  readonly clusters: ReadonlySet<string>;
  /** Whether `node` has the id and cluster that discovery needs. */
  readonly hasNode: boolean;
  /** DNS caches seen so far, by name, as text to compare. */
  readonly dnsCaches: Map<string, string>;
}

/** Checks by message type; each is called for every message of its type, parents first. */
export type Checks = {
  readonly [Name in keyof Types]?: (message: Types[Name], context: SemanticContext) => void;
};
