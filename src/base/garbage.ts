/** A collection asked for by name, where V8 cannot see that one is due. */

import v8 from "node:v8";
import vm from "node:vm";

/**
 * Collects this thread's garbage now: a full collection of some 30 ms that also throws optimised
 * code away, so never under load. Does nothing where the runtime does not let us.
 */
export function collectGarbage(): void {
  try {
    v8.setFlagsFromString("--expose-gc");
    (vm.runInNewContext("gc") as () => void)();
  } catch {
    // Only memory is lost.
  }
}
