/** Test assertions; the one place that knows where they come from. */

import assert from "node:assert/strict";

/** Deep and strict equality. */
export const assertEquals: (actual: unknown, expected: unknown, message?: string) => void =
  assert.deepStrictEqual;

/** `block` throws an error whose text matches. */
export function assertThrows(
  block: () => unknown,
  error: RegExp | ((thrown: unknown) => boolean),
): void {
  assert.throws(block, error);
}

export const assertRejects: (block: () => Promise<unknown>, error: RegExp) => Promise<void> =
  assert.rejects;
export const assertMatch: (actual: string, expected: RegExp) => void = assert.match;

/** Fails with `message` unless `condition` holds. */
export function assertOk(condition: unknown, message?: string): asserts condition {
  assert.ok(condition, message);
}
