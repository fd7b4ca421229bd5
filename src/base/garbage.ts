/** Collections asked for by name, where V8 cannot see that one is due. */

import v8 from "node:v8";
import vm from "node:vm";

/** `minor` takes a few milliseconds, `major` some tens. */
export type CollectionKind = "minor" | "major";

type Collect = (options: { readonly type: CollectionKind }) => void;

let collect: Collect | undefined;

/** Collects this thread's garbage now; does nothing where the runtime does not let us. */
export function collectGarbage(kind: CollectionKind): void {
  collect ??= findCollector();
  collect({ type: kind });
}

function findCollector(): Collect {
  try {
    v8.setFlagsFromString("--expose-gc");
    return vm.runInNewContext("gc") as Collect;
  } catch {
    return () => {};
  }
}
