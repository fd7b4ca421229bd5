/** Which message types a configuration holds: what decides which extensions are loaded. */

/** Full names of all messages in a tree of unpacked messages. */
export function typeNamesIn(tree: unknown, found: Set<string> = new Set()): Set<string> {
  if (Array.isArray(tree)) {
    for (const item of tree) typeNamesIn(item, found);
  } else if (typeof tree === "object" && tree !== null && !ArrayBuffer.isView(tree)) {
    for (const [key, value] of Object.entries(tree)) {
      if (key === "$typeName") found.add(value as string);
      else typeNamesIn(value, found);
    }
  }
  return found;
}
