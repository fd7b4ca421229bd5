/**
 * One name of a cache on main: looked up, looked up again by its TTL, kept through failures, and
 * given up once nobody has used it for a while.
 *
 *     resolving ─answer, timeout→ waiting ─alarm→ resolving
 *                                    └─alarm, unused→ gone
 */

import type { Address, Dispatcher, Timer } from "../../base/mod.ts";
import type { DnsAnswer, DnsQuery, DnsResolver } from "../dns/resolver.ts";
import type { DnsCacheEntry, DnsCacheOptions } from "./api.ts";
import { splitHost } from "./names.ts";

/** What becomes of a name, told to its cache. */
export interface CachedNameEvents {
  onAttempt(): void;
  onAnswer(outcome: "success" | "failure" | "timeout"): void;
  /** The name has its first answer, or other addresses than before. */
  onChange(name: CachedName, hasNewAddresses: boolean): void;
  /** Nobody has used it for the TTL of hosts. */
  onExpired(name: CachedName): void;
  /** A number that grows with each use. */
  useCount(name: CachedName): number;
}

/** What all names of a cache share. */
export interface CachedNameContext {
  readonly options: DnsCacheOptions;
  readonly dispatcher: Dispatcher;
  readonly resolver: DnsResolver;
  readonly events: CachedNameEvents;
}

const REFRESH = 0;
const TIMEOUT = 1;
/** Failed answers grow the backoff up to here; the bound itself is reached far sooner. */
const MAX_DOUBLINGS = 30;

/** A name with port, and the addresses that it had last. */
export class CachedName {
  /** Name with port, as asked for. */
  readonly key: string;
  readonly #host: string;
  readonly #port: number;
  readonly #context: CachedNameContext;
  readonly #timer: Timer;
  readonly #timeout: Timer;
  #query: DnsQuery | undefined;
  #addresses: readonly Address[] = [];
  #details = "";
  #isAnswered = false;
  #hasFailed = false;
  #failures = 0;
  #lastUsedMs: number;
  #uses = 0;

  constructor(key: string, defaultPort: number, context: CachedNameContext) {
    const { host, port } = splitHost(key, defaultPort);
    this.key = key;
    this.#host = host;
    this.#port = port;
    this.#context = context;
    const { timers, clock } = context.dispatcher;
    this.#timer = timers.create(this, REFRESH);
    this.#timeout = timers.create(this, TIMEOUT);
    this.#lastUsedMs = clock.nowMs();
  }

  get addresses(): readonly Address[] {
    return this.#addresses;
  }

  /** Whether the first look-up is over. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Whether it has no addresses since its last look-up failed. */
  get hasFailed(): boolean {
    return this.#hasFailed && this.#addresses.length === 0;
  }

  get entry(): DnsCacheEntry {
    const address = this.#addresses[0];
    return {
      host: this.key,
      state: address === undefined ? "failed" : "resolved",
      address,
      details: this.#details,
    };
  }

  start(): void {
    const { options, resolver, events } = this.#context;
    events.onAttempt();
    if (options.queryTimeoutMs > 0) this.#timeout.arm(options.queryTimeoutMs);
    this.#query = resolver.resolve(this.#host, options.family, (answer) => {
      events.onAnswer(answer.status === "completed" ? "success" : "failure");
      this.#finish(answer);
    });
  }

  stop(): void {
    this.#timer.cancel();
    this.#timeout.cancel();
    this.#query?.cancel();
  }

  onTimer(tag: number): void {
    if (tag === TIMEOUT) {
      this.#query?.cancel();
      const { events } = this.#context;
      events.onAnswer("timeout");
      this.#finish({ status: "failed", addresses: [], details: "resolve_timeout" });
      return;
    }
    if (this.#unusedMs() > this.#context.options.hostTtlMs) this.#context.events.onExpired(this);
    else this.start();
  }

  /** Since when nobody used it, as far as its uses have been looked at: once a look-up. */
  #unusedMs(): number {
    const { dispatcher, events } = this.#context;
    const now = dispatcher.clock.nowMs();
    const uses = events.useCount(this);
    if (uses !== this.#uses) this.#lastUsedMs = now;
    this.#uses = uses;
    return now - this.#lastUsedMs;
  }

  #finish(answer: DnsAnswer): void {
    this.#timeout.cancel();
    this.#query = undefined;
    this.#hasFailed = answer.status === "failed";
    const isFirst = !this.#isAnswered;
    this.#isAnswered = true;
    const hasNewAddresses = this.#takeAddresses(answer);
    if (this.#addresses.length === 0) this.#details = answer.details ?? "not_resolved";
    this.#armRefresh(answer);
    if (isFirst || hasNewAddresses) this.#context.events.onChange(this, hasNewAddresses);
  }

  /** Addresses stay through failures and empty answers. @returns whether they are others now */
  #takeAddresses(answer: DnsAnswer): boolean {
    if (answer.addresses.length === 0) return false;
    const found = answer.addresses.map(({ host }): Address => ({
      kind: "ip",
      host,
      port: this.#port,
    }));
    const old = new Set(this.#addresses.map((address) => hostOf(address)));
    // Servers rotate their answers: another order is no change.
    const isSame = found.length === old.size && found.every((one) => old.has(hostOf(one)));
    if (isSame) return false;
    this.#addresses = found;
    this.#details = "";
    return true;
  }

  #armRefresh(answer: DnsAnswer): void {
    const { refreshMs, minRefreshMs, refreshesOnFailure, hostTtlMs } = this.#context.options;
    if (answer.status === "completed") {
      this.#failures = 0;
      const ttlMs = answer.addresses[0]?.ttlMs;
      this.#timer.arm(ttlMs === undefined ? refreshMs : Math.max(minRefreshMs, ttlMs));
    } else if (refreshesOnFailure) {
      // A long backoff must not keep a name that nobody wants beyond its time.
      this.#timer.arm(Math.max(1, Math.min(this.#backOffMs(), hostTtlMs - this.#unusedMs())));
    } else {
      // Nobody looks it up again, but its place is wanted back.
      this.#timer.arm(hostTtlMs + 1);
    }
  }

  /** Exponential with full jitter; without a configured pair the plain rate. */
  #backOffMs(): number {
    const { failureBaseMs, failureMaxMs } = this.#context.options;
    if (failureMaxMs === failureBaseMs) return failureBaseMs;
    this.#failures = Math.min(this.#failures + 1, MAX_DOUBLINGS);
    const ceiling = Math.min(failureMaxMs, failureBaseMs * (2 ** this.#failures - 1));
    return this.#context.dispatcher.random.below(Math.max(1, Math.ceil(ceiling)));
  }
}

function hostOf(address: Address): string {
  return address.kind === "ip" ? address.host : "";
}
