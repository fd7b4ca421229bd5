/**
 * Requests name their hosts themselves, in a header or in metadata; those that name none that is
 * known go to the policy behind (Envoy's OverrideHostLoadBalancer).
 */

import { formatAddress } from "../../base/mod.ts";
import type { HeaderMap, StreamInfo } from "../../http/mod.ts";
import { headerName } from "../../matching/mod.ts";
import type {
  envoy_extensions_load_balancing_policies_override_host_v3_OverrideHost,
  envoy_type_metadata_v3_MetadataKey,
} from "../../proto/mod.ts";
import type { LoadBalancerContext } from "../api.ts";
import type { UpstreamHost } from "../host.ts";
import type { HostSet } from "../host_set.ts";
import type { TableData } from "../resource.ts";
import type { Balancer, LbPolicyFactory } from "./policy.ts";

/** Reads addresses from a request: `10.0.0.1:80,10.0.0.2:80`, or "" if it names none. */
type Source = (headers: HeaderMap | undefined, info: StreamInfo) => string;

/** What a stream asked for; its attempts go through the addresses one after the other. */
interface Wanted {
  readonly addresses: readonly string[];
  next: number;
}

class OverrideHostBalancer implements Balancer {
  readonly #sources: readonly Source[];
  readonly #fallback: Balancer;
  readonly #wanted = new WeakMap<StreamInfo, Wanted>();
  #hosts: ReadonlyMap<string, UpstreamHost> = new Map();

  constructor(sources: readonly Source[], fallback: Balancer) {
    this.#sources = sources;
    this.#fallback = fallback;
  }

  get tables(): readonly TableData[] | undefined {
    return this.#fallback.tables;
  }

  refresh(sets: readonly HostSet[], tables?: readonly TableData[]): void {
    const hosts = new Map<string, UpstreamHost>();
    for (const set of sets) {
      for (const host of set.hosts) hosts.set(formatAddress(host.address), host);
    }
    this.#hosts = hosts;
    this.#fallback.refresh(sets, tables);
  }

  refreshLocal(): void {
    this.#fallback.refreshLocal?.();
  }

  chooseHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    const info = context?.streamInfo;
    if (info === undefined) return this.#fallback.chooseHost(context);
    let wanted = this.#wanted.get(info);
    if (wanted === undefined) {
      wanted = { addresses: this.#read(context?.requestHeaders, info), next: 0 };
      this.#wanted.set(info, wanted);
    }
    while (wanted.next < wanted.addresses.length) {
      const host = this.#hosts.get(wanted.addresses[wanted.next++]!);
      if (host !== undefined) return host;
    }
    return this.#fallback.chooseHost(context);
  }

  /** The addresses of the first source that has any. */
  #read(headers: HeaderMap | undefined, info: StreamInfo): readonly string[] {
    for (const source of this.#sources) {
      const text = source(headers, info);
      if (text !== "") return text.split(",").map((address) => address.trim());
    }
    return [];
  }
}

function textAt(key: envoy_type_metadata_v3_MetadataKey, info: StreamInfo): string {
  let value: unknown = info.dynamicMetadata?.[key.key];
  for (const { segment } of key.path) {
    if (typeof value !== "object" || value === null || segment.case !== "key") return "";
    value = (value as { readonly [name: string]: unknown })[segment.value];
  }
  return typeof value === "string" ? value : "";
}

export const overrideHost: LbPolicyFactory = {
  name: "envoy.load_balancing_policies.override_host",
  type: "envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost",
  legacy: undefined,
  compile(message, context) {
    const config =
      message as envoy_extensions_load_balancing_policies_override_host_v3_OverrideHost;
    const sources = config.overrideHostSources.map(({ header, metadata }): Source => {
      if (metadata !== undefined) return (_headers, info) => textAt(metadata, info);
      const name = headerName(header);
      return (headers) => headers?.all(name).join(",") ?? "";
    });
    const fallback = context.compileChild(config.fallbackPolicy);
    return {
      createBalancer: (options) =>
        new OverrideHostBalancer(sources, fallback.createBalancer(options)),
    };
  },
};
