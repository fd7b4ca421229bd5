/** Keeps the addresses of one name fresh: asks, waits as long as it may, asks again. */

import type { Dispatcher, Timer } from "../../base/mod.ts";
import type { DnsAddress, DnsQuery, DnsResolver } from "../dns/resolver.ts";
import type { DnsOptions } from "./discovery.ts";

/** What becomes of an attempt. */
export interface DnsRefreshEvents {
  onAttempt(): void;
  /** Also with no addresses: the name does not exist. */
  onAddresses(addresses: readonly DnsAddress[]): void;
  onFailure(): void;
}

/**
 * Resolves one name again and again, by its TTL or rate in milliseconds and with backoff after
 * failures.
 */
export class DnsRefresh {
  readonly #name: string;
  readonly #options: DnsOptions;
  readonly #resolver: DnsResolver;
  readonly #dispatcher: Dispatcher;
  readonly #events: DnsRefreshEvents;
  readonly #timer: Timer;
  #query: DnsQuery | undefined;
  #failures = 0;

  constructor(
    name: string,
    options: DnsOptions,
    parts: {
      readonly resolver: DnsResolver;
      readonly dispatcher: Dispatcher;
      readonly events: DnsRefreshEvents;
    },
  ) {
    this.#name = name;
    this.#options = options;
    this.#resolver = parts.resolver;
    this.#dispatcher = parts.dispatcher;
    this.#events = parts.events;
    this.#timer = parts.dispatcher.timers.create({ onTimer: () => this.start() });
  }

  /** Asks now. */
  start(): void {
    this.#timer.cancel();
    this.#events.onAttempt();
    this.#query = this.#resolver.resolve(this.#name, this.#options.family, (answer) => {
      this.#query = undefined;
      if (answer.status === "failed") {
        this.#timer.arm(this.#failureDelayMs());
        this.#events.onFailure();
      } else {
        this.#failures = 0;
        this.#timer.arm(this.#delayMs(answer.addresses));
        this.#events.onAddresses(answer.addresses);
      }
    });
  }

  stop(): void {
    this.#timer.cancel();
    this.#query?.cancel();
  }

  #delayMs(addresses: readonly DnsAddress[]): number {
    const { refreshMs, respectsTtl, minRefreshMs, jitterMs } = this.#options;
    let delayMs = refreshMs;
    if (respectsTtl && addresses.length > 0) {
      const ttlMs = Math.min(...addresses.map((address) => address.ttlMs));
      // A TTL of 0 cannot be respected: it would ask without end.
      if (ttlMs > 0) delayMs = ttlMs;
    }
    delayMs = Math.max(delayMs, minRefreshMs);
    return jitterMs >= 1 ? delayMs + this.#dispatcher.random.below(Math.floor(jitterMs)) : delayMs;
  }

  /** Exponential with full jitter, as Envoy's; without a configured pair the plain rate. */
  #failureDelayMs(): number {
    const { failureBaseMs, failureMaxMs } = this.#options;
    if (failureMaxMs === failureBaseMs) return failureBaseMs;
    const ceiling = Math.min(failureMaxMs, failureBaseMs * (2 ** ++this.#failures - 1));
    return Math.max(1, this.#dispatcher.random.below(Math.max(1, Math.ceil(ceiling))));
  }
}
