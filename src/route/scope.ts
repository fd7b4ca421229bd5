/** What the compile steps of one route table share. */

import type { CompileContext } from "../runtime/mod.ts";
import type { HeaderChanges } from "./header_changes.ts";
import type { FilterLevel } from "./per_filter_config.ts";
import type { MirrorPolicy } from "./route.ts";

/** Names of the clusters that exist. */
export interface ClusterNames {
  has(name: string): boolean;
}

/** Shared by all of a table. */
export interface RouteScope {
  readonly context: CompileContext;
  /** Clusters that routes must name; undefined if names are not checked. */
  readonly clusters: ClusterNames | undefined;
  readonly maxDirectResponseBodyBytes: number;
  /** Whether the header changes of the most specific level come last. */
  readonly mostSpecificWins: boolean;
  /** Whether what follows a ";" in the path is not matched. */
  readonly ignoresPathParameters: boolean;
  readonly tableChanges: LevelChanges;
  readonly tableFilters: FilterLevel;
  readonly tableMirrors: readonly MirrorPolicy[];
}

/** Header changes of one level. */
export interface LevelChanges {
  readonly request: HeaderChanges | undefined;
  readonly response: HeaderChanges | undefined;
}
