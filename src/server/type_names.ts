/** Which message types a configuration holds: what decides which extensions are loaded. */

/** Full names of all messages in a tree of unpacked messages. */
export function typeNamesIn(tree: unknown, found: Set<string> = new Set()): Set<string> {
  if (typeof tree !== "object" || tree === null || ArrayBuffer.isView(tree)) return found;
  const name = (tree as { readonly $typeName?: unknown }).$typeName;
  if (typeof name === "string") found.add(name);
  for (const value of Array.isArray(tree) ? tree : Object.values(tree)) {
    if (typeof value === "object") typeNamesIn(value, found);
  }
  return found;
}
