/** JSON as Envoy's admin prints it: one space of indent, a newline at the end. */

import type { Json } from "./host.ts";

/** The text of `value` in that layout. */
export function pretty(value: Json): string {
  return JSON.stringify(value, undefined, 1) + "\n";
}
