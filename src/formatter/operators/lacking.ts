/** Operators that Envoy knows and whose values nobody here gathers: said at load, printed as absent. */

import type { ValueProvider } from "../context.ts";
import { lacking, type Operator } from "./operator.ts";

/** An operator that prints what `read` can tell, or nothing. */
export function partial(
  effect: string,
  read: ValueProvider = () => undefined,
): Pick<Operator, "syntax" | "compile"> {
  return {
    syntax: "bare",
    compile: (call) => {
      lacking(call, `%${call.name}% ${effect}`);
      return read;
    },
  };
}
