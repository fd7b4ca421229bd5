/** The compile context of rooms that read runtime values or count: base's plus both. */

import type { BaseCompileContext } from "../base/mod.ts";
import type { Scope } from "../stats/mod.ts";
import type { Runtime } from "./runtime.ts";

/** What compile steps get from runtime/ on: stats and runtime values as well. */
export interface CompileContext extends BaseCompileContext {
  /** Root scope; a room appends its own prefix (`http.ingress`). */
  readonly scope: Scope;
  readonly runtime: Runtime;
}
