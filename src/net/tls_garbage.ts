/**
 * Collects what closed TLS connections leave behind: about 12 KiB each that V8 does not count, so that
 * it sees no need by itself and the process grows by 200 MiB (prototypes/tls/FACTS.md C).
 */

import v8 from "node:v8";
import vm from "node:vm";

type Collect = (options?: { readonly type: "minor" | "major" }) => void;

const CONNECTIONS_A_COLLECTION = 1000;

let closed = 0;
let collect: Collect | undefined;

/** To be called for each closed TLS connection; every thousandth makes a collection due in a later turn. */
export function countClosedTls(): void {
  if (++closed < CONNECTIONS_A_COLLECTION) return;
  closed = 0;
  collect ??= findCollector();
  setTimeout(collect, 0);
}

function findCollector(): Collect {
  try {
    v8.setFlagsFromString("--expose-gc");
    const gc = vm.runInNewContext("gc") as Collect;
    return () => gc({ type: "minor" });
  } catch {
    return () => {};
  }
}
