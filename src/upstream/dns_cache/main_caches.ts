/** All DNS caches of the process, on main, by name. */

import type { Dispatcher } from "../../base/mod.ts";
import type { Scope } from "../../stats/mod.ts";
import type { DnsResolver } from "../dns/resolver.ts";
import type { ResolverOptions } from "../main/discovery.ts";
import type { DnsCacheNews, DnsCacheOptions, DnsCacheResource } from "./api.ts";
import { MainDnsCache } from "./main_cache.ts";

/** What caches get from main's clusters. */
export interface MainDnsCachesParts {
  readonly dispatcher: Dispatcher;
  readonly scope: Scope;
  readonly threads: number;
  readonly resolverFor: (options: ResolverOptions) => DnsResolver;
  readonly onNews: (news: DnsCacheNews, worker: number | undefined) => void;
  /** A cache that workers do not know yet. */
  readonly onCache: (resource: DnsCacheResource) => void;
}

/** Makes a cache for the first who names it; clusters and filters of one name share it. */
export class MainDnsCaches {
  readonly #parts: MainDnsCachesParts;
  readonly #caches = new Map<string, MainDnsCache>();

  constructor(parts: MainDnsCachesParts) {
    this.#parts = parts;
  }

  get(options: DnsCacheOptions): MainDnsCache {
    let cache = this.#caches.get(options.name);
    if (cache === undefined) {
      const { resolverFor, onCache, ...parts } = this.#parts;
      cache = new MainDnsCache(options, { ...parts, resolver: resolverFor(options.resolver) });
      this.#caches.set(options.name, cache);
      onCache(cache.resource());
    }
    return cache;
  }

  /** A worker wants a name. */
  load(
    cache: string,
    question: { readonly host: string; readonly port: number },
    worker: number,
  ): void {
    this.#caches.get(cache)?.load(question.host, question.port, worker);
  }

  resources(): DnsCacheResource[] {
    return [...this.#caches.values()].map((cache) => cache.resource());
  }

  refreshGauges(): void {
    for (const cache of this.#caches.values()) cache.refreshGauges();
  }

  retire(thread: number): void {
    for (const cache of this.#caches.values()) cache.retire(thread);
  }

  close(): void {
    for (const cache of this.#caches.values()) cache.close();
  }
}
