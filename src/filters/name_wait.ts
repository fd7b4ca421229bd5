/**
 * What the filters before a dynamic forward proxy cluster share: the DNS cache that they fill, and
 * the wait of one request or connection for a name in it.
 */

import type {
  envoy_extensions_common_dynamic_forward_proxy_v3_DnsCacheConfig as DnsCacheConfig,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import {
  type DnsCacheEntry,
  type DnsCacheService,
  type DnsCacheView,
  type DnsLoad,
  type DnsLoadHandle,
  type DnsWaiter,
  DYNAMIC_FORWARD_PROXY,
  type DynamicForwardProxy,
} from "../upstream/mod.ts";

/** The DNS cache of a filter. */
export interface NameCache {
  /** Undefined where no cluster takes its hosts from requests: nothing to do. */
  readonly forward: DynamicForwardProxy | undefined;
  readonly cacheName: string;
  /** Looked up when a request comes: main has none where it only checks. */
  readonly caches: () => DnsCacheService;
}

/** Tells main of the cache that `config` asks for, if any cluster can use it. */
export function compileNameCache(
  config: DnsCacheConfig | undefined,
  context: CompileContext,
): NameCache {
  const forward = context.extension<DynamicForwardProxy>("cluster_type", DYNAMIC_FORWARD_PROXY);
  const caches = (): DnsCacheService => context.service<DnsCacheService>("dns_caches");
  if (config !== undefined && forward !== undefined) {
    caches().declare(forward.compileCache(config, context.problems));
  }
  return { forward, cacheName: config?.name ?? "", caches };
}

/** A place among those that wait for a cache's answers; it is given back once, before the owner hears. */
export class NameWait implements DnsWaiter {
  readonly #cache: DnsCacheView;
  readonly #owner: DnsWaiter;
  #handle: DnsLoadHandle | undefined = undefined;
  #hasEnded = false;

  private constructor(cache: DnsCacheView, owner: DnsWaiter) {
    this.#cache = cache;
    this.#owner = owner;
  }

  /** Undefined if too many wait already. */
  static tryBegin(cache: DnsCacheView, owner: DnsWaiter): NameWait | undefined {
    return cache.tryRequest() ? new NameWait(cache, owner) : undefined;
  }

  /** Whether the answer is under way. */
  get isLoading(): boolean {
    return this.#handle !== undefined;
  }

  /** Asks for the name; the wait has ended unless the answer must come first. */
  load(host: string, defaultPort: number): DnsLoad {
    const load = this.#cache.load(host, defaultPort, this);
    if (load.status === "loading") this.#handle = load.handle;
    else this.end();
    return load;
  }

  onDnsEntry(entry: DnsCacheEntry): void {
    this.#handle = undefined;
    this.end();
    this.#owner.onDnsEntry(entry);
  }

  /** Gives the place back; the owner hears no more. */
  end(): void {
    this.#handle?.cancel();
    this.#handle = undefined;
    if (!this.#hasEnded) this.#cache.releaseRequest();
    this.#hasEnded = true;
  }
}
