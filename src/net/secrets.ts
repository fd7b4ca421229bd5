/**
 * TLS secrets that come from elsewhere than the context that uses them: static ones of the bootstrap
 * and those of SDS. The store of a thread stands behind the service "secrets".
 */

import type { BaseCompileContext } from "../base/mod.ts";
import type {
  envoy_extensions_transport_sockets_tls_v3_SdsSecretConfig,
  envoy_extensions_transport_sockets_tls_v3_Secret,
} from "../proto/mod.ts";

/** Secrets of this thread by name; `server/` fills it, statically or from SDS. */
export interface SecretStore {
  /** Whether the bootstrap has a static secret of that name. */
  hasStatic(name: string): boolean;
  get(name: string): envoy_extensions_transport_sockets_tls_v3_Secret | undefined;
  /** Calls back at every later change; @returns what ends it. */
  watch(name: string, onChange: () => void): () => void;
}

/** The name under which the store is asked for. */
export const SECRET_STORE = "secrets";

/** The store of one thread: static secrets are put in before anything is compiled, SDS's as they come. */
export class ThreadSecrets implements SecretStore {
  readonly #static = new Set<string>();
  readonly #secrets = new Map<string, envoy_extensions_transport_sockets_tls_v3_Secret>();
  readonly #watchers = new Map<string, Set<() => void>>();

  /** Puts in secrets of the bootstrap. */
  addStatic(secrets: readonly envoy_extensions_transport_sockets_tls_v3_Secret[]): void {
    for (const secret of secrets) {
      this.#static.add(secret.name);
      this.set(secret);
    }
  }

  /** Puts in or replaces a secret; contexts that use it take it up for their next connection. */
  set(secret: envoy_extensions_transport_sockets_tls_v3_Secret): void {
    this.#secrets.set(secret.name, secret);
    for (const tell of [...this.#watchers.get(secret.name) ?? []]) tell();
  }

  hasStatic(name: string): boolean {
    return this.#static.has(name);
  }

  get(name: string): envoy_extensions_transport_sockets_tls_v3_Secret | undefined {
    return this.#secrets.get(name);
  }

  watch(name: string, onChange: () => void): () => void {
    let watchers = this.#watchers.get(name);
    if (watchers === undefined) this.#watchers.set(name, watchers = new Set());
    watchers.add(onChange);
    return () => watchers.delete(onChange);
  }
}

/** Reads a secret now and whenever it changes. */
export class SecretSubscription {
  readonly #config: envoy_extensions_transport_sockets_tls_v3_SdsSecretConfig;
  readonly #store: SecretStore | undefined;
  /** What ends the watch. */
  stop: () => void = () => {};

  constructor(
    config: envoy_extensions_transport_sockets_tls_v3_SdsSecretConfig,
    context: BaseCompileContext,
  ) {
    this.#config = config;
    this.#store = findStore(context);
    const isStatic = config.sdsConfig === undefined;
    if (isStatic && this.#store?.hasStatic(config.name) !== true) {
      context.problems.error(config, "name", `Unknown static secret: ${config.name}`);
    }
  }

  /** Undefined until it has arrived. */
  get secret(): envoy_extensions_transport_sockets_tls_v3_Secret | undefined {
    return this.#store?.get(this.#config.name);
  }

  watch(onChange: () => void): void {
    if (this.#store !== undefined) this.stop = this.#store.watch(this.#config.name, onChange);
  }
}

/** A thread without secrets has no store. */
function findStore(context: BaseCompileContext): SecretStore | undefined {
  try {
    return context.service<SecretStore>(SECRET_STORE);
  } catch {
    return undefined;
  }
}
