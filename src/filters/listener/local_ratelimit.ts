/** Closes connections beyond a token bucket of this worker, before a byte is read. */

import type {
  ListenerFilter,
  ListenerFilterFactory,
  ListenerFilterStatus,
} from "../../filter_chain/mod.ts";
import { type Dispatcher, durationMsOr } from "../../base/mod.ts";
import type {
  envoy_config_core_v3_RuntimeFeatureFlag,
  envoy_extensions_filters_listener_local_ratelimit_v3_LocalRateLimit,
} from "../../proto/mod.ts";
import type { Runtime } from "../../runtime/mod.ts";
import type { Counter } from "../../stats/mod.ts";

/** Fills by whole intervals, as Envoy's does. */
class Bucket {
  readonly #maxTokens: number;
  readonly #tokensPerFill: number;
  readonly #intervalMs: number;
  #tokens: number;
  #filledMs: number;

  constructor(maxTokens: number, tokensPerFill: number, intervalMs: number, nowMs: number) {
    this.#maxTokens = maxTokens;
    this.#tokensPerFill = tokensPerFill;
    this.#intervalMs = intervalMs;
    this.#tokens = maxTokens;
    this.#filledMs = nowMs;
  }

  tryTake(nowMs: number): boolean {
    const fills = Math.floor((nowMs - this.#filledMs) / this.#intervalMs);
    if (fills > 0) {
      this.#filledMs += fills * this.#intervalMs;
      this.#tokens = Math.min(this.#maxTokens, this.#tokens + fills * this.#tokensPerFill);
    }
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

interface Config {
  readonly bucket: Bucket;
  readonly rateLimited: Counter;
  readonly dispatcher: Dispatcher;
  readonly runtime: Runtime;
  readonly enabled: envoy_config_core_v3_RuntimeFeatureFlag | undefined;
}

class LocalRateLimit implements ListenerFilter {
  readonly consumedBytes = 0;
  readonly #config: Config;

  constructor(config: Config) {
    this.#config = config;
  }

  onAccept(): ListenerFilterStatus {
    const { bucket, rateLimited, dispatcher, runtime, enabled } = this.#config;
    const isOn = enabled === undefined ||
      runtime.boolean(enabled.runtimeKey, enabled.defaultValue ?? false);
    if (!isOn || bucket.tryTake(dispatcher.clock.nowMs())) return "continue";
    rateLimited.inc();
    return "close";
  }

  onData(): ListenerFilterStatus {
    return "continue";
  }
}

export const localRatelimit: ListenerFilterFactory<Config> = {
  name: "envoy.filters.listener.local_ratelimit",
  type: "envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit",
  compile(message, context) {
    const config = message as envoy_extensions_filters_listener_local_ratelimit_v3_LocalRateLimit;
    const tokens = config.tokenBucket;
    const intervalMs = durationMsOr(tokens?.fillInterval, 0);
    if (intervalMs < 50) {
      const text = "local rate limit token bucket fill timer must be >= 50ms";
      context.problems.error(tokens ?? config, "fill_interval", text);
    }
    if (tokens !== undefined && context.worker === 0) {
      context.problems.warn(tokens, "max_tokens", "each worker has a bucket of its own");
    }
    const nowMs = context.dispatcher.clock.nowMs();
    return {
      bucket: new Bucket(tokens?.maxTokens ?? 0, tokens?.tokensPerFill ?? 1, intervalMs, nowMs),
      rateLimited: context.scope.scope("listener_local_ratelimit").scope(config.statPrefix)
        .counter("rate_limited"),
      dispatcher: context.dispatcher,
      runtime: context.runtime,
      enabled: config.runtimeEnabled,
    };
  },
  create: (config) => new LocalRateLimit(config),
};
