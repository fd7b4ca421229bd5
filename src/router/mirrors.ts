/** The mirrors of one request. */

import type { HeaderMap } from "../http/mod.ts";
import type { MirrorPolicy } from "../route/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { type ShadowOptions, type ShadowRequest, startShadow } from "./shadow.ts";

const ALL = 4294967296;

/** The policies that take this request; undefined where none does, the usual case. */
export function chooseMirrors(
  policies: readonly MirrorPolicy[],
  runtime: Runtime,
  random: { below(bound: number): number },
): readonly MirrorPolicy[] | undefined {
  if (policies.length === 0) return undefined;
  const chosen = policies.filter((policy) =>
    policy.fraction === undefined || runtime.fractionEnabled(policy.fraction, random.below(ALL))
  );
  return chosen.length === 0 ? undefined : chosen;
}

/** Passes one request's body and trailers on to all of its mirrors. */
export class Mirrors {
  readonly #shadows: ShadowRequest[] = [];
  #isComplete: boolean;

  /** Starts a mirror for each policy that finds a cluster and a host. */
  constructor(
    policies: readonly MirrorPolicy[],
    headers: HeaderMap,
    request: { readonly endStream: boolean; readonly options: ShadowOptions },
  ) {
    this.#isComplete = request.endStream;
    for (const policy of policies) {
      const shadow = startShadow(policy, headers, request);
      if (shadow !== undefined) this.#shadows.push(shadow);
    }
  }

  sendData(bytes: Uint8Array, endStream: boolean): void {
    if (endStream) this.#isComplete = true;
    for (const shadow of this.#shadows) shadow.sendData(bytes, endStream);
  }

  sendTrailers(trailers: HeaderMap): void {
    this.#isComplete = true;
    for (const shadow of this.#shadows) shadow.sendTrailers(trailers);
  }

  /** The request is gone: mirrors that have all of it go on by themselves. */
  destroy(): void {
    if (this.#isComplete) return;
    for (const shadow of this.#shadows) shadow.cancel();
  }
}
