/** Listeners: addresses, the filter chains' matches. */

import type {
  envoy_config_core_v3_CidrRange as CidrRange,
  envoy_config_listener_v3_FilterChainMatch as Match,
  envoy_config_listener_v3_Listener as Listener,
} from "../../proto/mod.ts";
import type { Problems } from "../../base/mod.ts";
import { isIp } from "../ip_text.ts";
import { checkIpAddress } from "./clusters.ts";
import type { Checks } from "./context.ts";

/** SocketAddress.Protocol. */
const UDP = 1;
/** Combinations of one match that are compared with others; more is no hand-written match. */
const MAX_COMBINATIONS = 20_000;

/** Checks by message type. */
export const LISTENER_CHECKS: Checks = {
  "envoy.config.bootstrap.v3.Bootstrap.StaticResources": ({ listeners }, { problems }) => {
    const byAddress = new Map<string, Listener>();
    const byName = new Map<string, Listener>();
    for (const listener of listeners) {
      if (listener.name !== "" && byName.has(listener.name)) {
        problems.warn(
          listener,
          "name",
          `listener "${listener.name}" stands twice; the last is used`,
        );
      }
      byName.set(listener.name, listener);
      for (const address of boundAddresses(listener)) {
        const other = byAddress.get(address);
        const isSame = other !== undefined && other.name !== "" && other.name === listener.name;
        if (other !== undefined && !isSame) {
          problems.error(
            listener,
            "address",
            `duplicate address ${address}: another listener has it`,
          );
        }
        byAddress.set(address, listener);
      }
    }
  },
  "envoy.config.listener.v3.Listener": (listener, { problems }) => {
    if (listener.apiListener !== undefined) return;
    const isInternal = listener.listenerSpecifier.case === "internalListener";
    if (listener.address === undefined && !isInternal) {
      problems.error(listener, "address", "a listener needs an address");
      return;
    }
    if (listener.address !== undefined) checkIpAddress(listener.address, problems);
    for (const { address } of listener.additionalAddresses) {
      if (address !== undefined) checkIpAddress(address, problems);
    }
    const socket = listener.address?.address;
    const isUdp = socket?.case === "socketAddress" && socket.value.protocol === UDP;
    const hasChains = listener.filterChains.length > 0 || listener.defaultFilterChain !== undefined;
    if (!isUdp && !hasChains) {
      problems.error(listener, "filter_chains", "a listener needs a filter chain");
    }
    if (listener.filterChainMatcher === undefined) checkMatches(listener, problems);
  },
  "envoy.config.bootstrap.v3.Admin": ({ address }, { problems }) => {
    if (address !== undefined) checkIpAddress(address, problems);
  },
  "envoy.config.core.v3.CidrRange": (range, { problems }) => {
    if (range.addressPrefix !== "" && !isIp(range.addressPrefix)) {
      problems.error(range, "address_prefix", `"${range.addressPrefix}" is not an IP address`);
    }
  },
};

/** TCP addresses with a port of their own; port 0 never collides. */
function* boundAddresses(listener: Listener): Generator<string> {
  if (listener.bindToPort === false) return;
  const all = [listener.address, ...listener.additionalAddresses.map(({ address }) => address)];
  for (const address of all) {
    if (address?.address.case !== "socketAddress") continue;
    const { address: host, portSpecifier, protocol } = address.address.value;
    if (portSpecifier.case === "portValue" && portSpecifier.value !== 0) {
      yield `${protocol === UDP ? "udp " : ""}${host}:${portSpecifier.value}`;
    }
  }
}

function checkMatches(listener: Listener, problems: Problems): void {
  const seen = new Map<string, number>();
  for (const [i, chain] of listener.filterChains.entries()) {
    const match = chain.filterChainMatch;
    if (match !== undefined && !checkMatch(match, problems)) continue;
    for (const combination of combinations(match)) {
      const other = seen.get(combination);
      if (other !== undefined && other !== i) {
        const text = `overlapping match: filter_chains[${other}] takes the same connections`;
        problems.error(chain, "filter_chain_match", text);
        break;
      }
      seen.set(combination, i);
    }
  }
}

function checkMatch(match: Match, problems: Problems): boolean {
  for (const [i, name] of match.serverNames.entries()) {
    const isPartial = name === "*" || (name.includes("*") && !/^\*\.[^*]+$/.test(name));
    if (!isPartial) continue;
    problems.error(
      match,
      `server_names[${i}]`,
      "a wildcard stands for whole leading labels: *.example.com",
    );
    return false;
  }
  if (match.addressSuffix !== "" || match.suffixLen !== undefined) {
    problems.error(
      match,
      match.addressSuffix !== "" ? "address_suffix" : "suffix_len",
      "Envoy does not implement it",
    );
    return false;
  }
  return true;
}

function ranges(list: readonly CidrRange[]): readonly string[] {
  return list.map(({ addressPrefix, prefixLen }) => `${addressPrefix}/${prefixLen ?? 0}`);
}

/** Every single value combination that a match names; "" where it leaves a criterion open. */
function combinations(match: Match | undefined): readonly string[] {
  if (match === undefined) return [["", "", "", "", "", "", "0", "", ""].join("|")];
  const criteria: readonly (readonly (string | number)[])[] = [
    match.destinationPort === undefined ? [] : [match.destinationPort],
    ranges(match.prefixRanges),
    match.serverNames.map((name) => name.toLowerCase()),
    match.transportProtocol === "" ? [] : [match.transportProtocol],
    match.applicationProtocols,
    ranges(match.directSourcePrefixRanges),
    [match.sourceType],
    ranges(match.sourcePrefixRanges),
    match.sourcePorts,
  ];
  const count = criteria.reduce((product, values) => product * Math.max(1, values.length), 1);
  if (count > MAX_COMBINATIONS) return [];
  return criteria.reduce<readonly string[]>(
    (made, values) =>
      made.flatMap((prefix) => (values.length === 0 ? [""] : values).map((v) => `${prefix}|${v}`)),
    [""],
  ).map((text) => text.slice(1));
}
