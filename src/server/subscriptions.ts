/** Where clusters get their endpoints from; `xds/` is loaded when the first of them asks. */

import type { Decoder } from "../config/mod.ts";
import type { ResourceEvents, ResourceSource, Subscription } from "../upstream/mod.ts";

/** What subscriptions work with. */
export interface SubscriberParts {
  readonly decoder: Decoder;
  /** Runs work as one turn of main. */
  readonly run: (work: () => void) => void;
  /** Hears of what goes wrong by our own doing. */
  readonly onFault: (error: unknown) => void;
}

/** Subscribes by way of `xds/`. */
export function makeSubscriber(
  { decoder, run, onFault }: SubscriberParts,
): (source: ResourceSource, events: ResourceEvents) => Subscription {
  return (source, events) => {
    let isStopped = false;
    let inner: Subscription | undefined;
    const load = async (): Promise<void> => {
      const { FileSubscription } = await import("../xds/mod.ts");
      if (isStopped) return;
      inner = new FileSubscription(source, { decoder, events, run });
      inner.start();
    };
    return {
      start: () => void load().catch(onFault),
      stop() {
        isStopped = true;
        inner?.stop();
      },
    };
  };
}
