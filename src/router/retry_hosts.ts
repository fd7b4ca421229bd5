/** Host predicates: which hosts a retry should not go to. */

import type {
  AnyMessage,
  envoy_extensions_retry_host_omit_host_metadata_v3_OmitHostMetadataConfig,
} from "../proto/mod.ts";
import type { Host } from "../upstream/mod.ts";

/** Whether a retry should look for another host than this one. */
export type HostPredicate = (host: Host, attempted: readonly Host[]) => boolean;

const TYPES = "envoy.extensions.retry.host.";

/** Compiles the predicates that `compileRetryPolicy` let pass. */
export function compileHostPredicates(messages: readonly object[]): readonly HostPredicate[] {
  return messages.map((message) => compilePredicate(message as AnyMessage));
}

function compilePredicate(message: AnyMessage): HostPredicate {
  switch (message.$typeName) {
    case `${TYPES}omit_canary_hosts.v3.OmitCanaryHostsPredicate`:
      return (host) => host.isCanary;
    case `${TYPES}omit_host_metadata.v3.OmitHostMetadataConfig`: {
      const config =
        message as envoy_extensions_retry_host_omit_host_metadata_v3_OmitHostMetadataConfig;
      const wanted = Object.entries(config.metadataMatch?.filterMetadata["envoy.lb"] ?? {});
      return (host) => wanted.length > 0 && hasMetadata(host, wanted);
    }
    default:
      return (host, attempted) => attempted.includes(host);
  }
}

function hasMetadata(host: Host, wanted: readonly (readonly [string, unknown])[]): boolean {
  const metadata = host.metadata?.["envoy.lb"];
  if (typeof metadata !== "object" || metadata === null) return false;
  const values = metadata as { readonly [key: string]: unknown };
  return wanted.every(([key, value]) => JSON.stringify(values[key]) === JSON.stringify(value));
}
