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
    return `Invalid re2 regex: ${re2Words(error instanceof Error ? error.message : String(error))}`;
  }
}

/** RE2's own wording: the library says "error parsing regexp: missing closing ): `(`". */
function re2Words(text: string): string {
  return text.replace("error parsing regexp: ", "").replace("missing closing ", "missing ")
    .replace(/`([^]*)`$/, "$1");
}
