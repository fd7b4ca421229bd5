/** Files as the configuration and the process ask for them. */

/** Whether there is anything at a path, and we may look at it. */
export function fileExists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
