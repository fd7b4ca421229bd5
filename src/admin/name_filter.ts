/** The `filter` parameters: RE2 regular expressions searched for in names. */

import { RE2JS } from "re2js";

/** @returns a test of a name, or the error text for a bad expression */
export function compileNameFilter(
  source: string | undefined,
): ((name: string) => boolean) | string {
  if (source === undefined || source === "") return () => true;
  try {
    const regex = RE2JS.compile(source);
    return (name) => regex.matcher(name).find();
  } catch (error) {
    return `Invalid re2 regex: ${error instanceof Error ? error.message : String(error)}`;
  }
}
