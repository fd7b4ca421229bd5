/** Waiting for what another process does. */

/** Resolves once `holds` says so; throws with `what` past the limit. */
export type Until = (
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs?: number,
) => Promise<void>;

/** Asks again and again, at most for `limitMs` unless a call has a limit of its own. */
export function untilWithin(limitMs: number, { everyMs = 20 } = {}): Until {
  return async (what, holds, ownLimitMs = limitMs) => {
    const limit = performance.now() + ownLimitMs;
    while (!await holds()) {
      if (performance.now() > limit) throw new Error(`Not in time: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  };
}
