/** Retry policies, of routes, virtual hosts and clusters. */

import { asciiLower, binaryText, compileHeaderMatcher } from "../matching/mod.ts";
import type {
  envoy_config_route_v3_HeaderMatcher,
  envoy_config_route_v3_RetryPolicy,
  envoy_config_route_v3_RetryPolicy_RateLimitedRetryBackOff,
  envoy_extensions_retry_priority_previous_priorities_v3_PreviousPrioritiesConfig,
} from "../proto/mod.ts";
import type { HeaderMap } from "../http/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { RetryPolicy } from "./route.ts";
import { optionalMs } from "./units.ts";

/** Host predicates the router knows, by their message types. */
const HOST_PREDICATES: ReadonlySet<string> = new Set([
  "envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate",
  "envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig",
  "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
]);

const PREVIOUS_PRIORITIES =
  "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";

const DEFAULT_RATE_LIMITED_MAX_MS = 300_000;

/** Compiles a policy; problems stand at its fields. */
export function compileRetryPolicy(
  message: envoy_config_route_v3_RetryPolicy,
  context: CompileContext,
): RetryPolicy {
  const responseMatches = anyMatcher(message.retriableHeaders, context);
  const requestMatches = anyMatcher(message.retriableRequestHeaders, context);
  return {
    retryOn: message.retryOn,
    numRetries: message.numRetries,
    perTryTimeoutMs: optionalMs(message.perTryTimeout) ?? 0,
    perTryIdleTimeoutMs: optionalMs(message.perTryIdleTimeout) ?? 0,
    retriableStatusCodes: message.retriableStatusCodes,
    hasRetriableHeaders: message.retriableHeaders.length > 0,
    retriableResponse: responseMatches ?? (() => false),
    retriableRequest: requestMatches ?? (() => true),
    ...backOff(message, context),
    rateLimitedBackOff: message.rateLimitedRetryBackOff === undefined
      ? undefined
      : rateLimitedBackOff(message.rateLimitedRetryBackOff),
    hostSelectionMaxAttempts: message.hostSelectionRetryMaxAttempts > 0n
      ? Number(message.hostSelectionRetryMaxAttempts)
      : 1,
    hostPredicates: hostPredicates(message, context),
    priorityUpdateFrequency: priorityUpdateFrequency(message, context),
    refreshClusterOnRetry: message.refreshClusterOnRetry,
  };
}

/** Whether any of a list matches; undefined if the list is empty. */
function anyMatcher(
  messages: readonly envoy_config_route_v3_HeaderMatcher[],
  context: CompileContext,
): ((headers: HeaderMap) => boolean) | undefined {
  if (messages.length === 0) return undefined;
  const matchers = messages.map((message) => compileHeaderMatcher(message, context));
  return (headers) => {
    for (let i = 0; i < matchers.length; i++) if (matchers[i]!.matches(headers)) return true;
    return false;
  };
}

function backOff(
  message: envoy_config_route_v3_RetryPolicy,
  context: CompileContext,
): Pick<RetryPolicy, "backOffBaseMs" | "backOffMaxMs"> {
  const given = message.retryBackOff;
  if (given === undefined) return { backOffBaseMs: undefined, backOffMaxMs: undefined };
  // Envoy takes an interval below one millisecond as one.
  const base = Math.max(1, optionalMs(given.baseInterval) ?? 0);
  const max = given.maxInterval === undefined
    ? undefined
    : Math.max(1, optionalMs(given.maxInterval)!);
  if (max !== undefined && max < base) {
    const text = "retry_policy.max_interval must greater than or equal to the base_interval";
    context.problems.error(given, "max_interval", text);
  }
  return { backOffBaseMs: base, backOffMaxMs: max };
}

function rateLimitedBackOff(
  message: envoy_config_route_v3_RetryPolicy_RateLimitedRetryBackOff,
): NonNullable<RetryPolicy["rateLimitedBackOff"]> {
  return {
    resetHeaders: message.resetHeaders.map((header) => ({
      name: asciiLower(binaryText(header.name)),
      format: header.format === 1 ? "unix" : "seconds",
    })),
    maxIntervalMs: optionalMs(message.maxInterval) ?? DEFAULT_RATE_LIMITED_MAX_MS,
  };
}

function hostPredicates(
  message: envoy_config_route_v3_RetryPolicy,
  context: CompileContext,
): readonly object[] {
  const predicates: object[] = [];
  for (const predicate of message.retryHostPredicate) {
    const typed = predicate.configType.value;
    if (typed !== undefined && HOST_PREDICATES.has(typed.$typeName)) predicates.push(typed);
    else {
      const effect = `retries may go to hosts that "${predicate.name}" would refuse`;
      context.problems.unsupported(predicate, "typed_config", effect);
    }
  }
  for (const predicate of message.retryOptionsPredicates) {
    const effect = `"${predicate.name}" does not change the options of retries`;
    context.problems.unsupported(predicate, "typed_config", effect);
  }
  return predicates;
}

function priorityUpdateFrequency(
  message: envoy_config_route_v3_RetryPolicy,
  context: CompileContext,
): number | undefined {
  const typed = message.retryPriority?.configType.value;
  if (typed?.$typeName === PREVIOUS_PRIORITIES) {
    return (typed as envoy_extensions_retry_priority_previous_priorities_v3_PreviousPrioritiesConfig)
      .updateFrequency;
  }
  if (message.retryPriority !== undefined) {
    const effect = "retries choose among all priorities";
    context.problems.unsupported(message, "retry_priority", effect);
  }
  return undefined;
}
