/** A load assignment read into endpoints whose addresses are known or are names to resolve. Main only. */

import { ipVersion } from "../matching/mod.ts";
import type { Address, Problems } from "../base/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster,
  envoy_config_core_v3_Address,
  envoy_config_endpoint_v3_ClusterLoadAssignment,
  envoy_config_endpoint_v3_Endpoint_HealthCheckConfig,
  envoy_config_endpoint_v3_LbEndpoint,
  envoy_config_endpoint_v3_LocalityLbEndpoints,
} from "../proto/mod.ts";
import type { DynamicHost } from "./dns_cache/api.ts";
import type { LocalityData } from "./resource.ts";

/** One configured endpoint. */
export interface EndpointTemplate {
  readonly priority: number;
  /** Index into the localities of its priority. */
  readonly locality: number;
  readonly target: Address | NameTarget;
  readonly additionalAddresses: readonly Address[];
  readonly hostname: string;
  readonly weight: number;
  readonly edsHealthStatus: number;
  readonly metadata: { readonly [filter: string]: unknown } | undefined;
  readonly isCanary: boolean;
  readonly check: EndpointCheck | undefined;
}

/** An endpoint's own `health_check_config`. */
export interface EndpointCheck {
  /** undefined: the endpoint's. */
  readonly address: Address | undefined;
  /** 0: the address's. */
  readonly port: number;
  /** Authority of checks; "" where none is named. */
  readonly hostname: string;
  readonly isDisabled: boolean;
}

/** A name that DNS must turn into addresses. */
export interface NameTarget {
  readonly kind: "name";
  readonly name: string;
  readonly port: number;
}

/** A priority's localities and options. */
export interface PriorityTemplate {
  readonly localities: readonly LocalityData[];
  readonly endpoints: readonly EndpointTemplate[];
}

/** A ClusterLoadAssignment compiled: endpoints by priority and locality, names unresolved. */
export interface AssignmentTemplate {
  readonly priorities: readonly PriorityTemplate[];
  readonly overprovisioningFactor: number;
  readonly weightedPriorityHealth: boolean;
}

const OVERPROVISIONING_FACTOR = 140;

/** @param allowsNames whether addresses may be names (DNS clusters) */
export function readAssignment(
  cluster: envoy_config_cluster_v3_Cluster,
  allowsNames: boolean,
  problems: Problems,
): AssignmentTemplate {
  return readLoadAssignment(cluster.loadAssignment, allowsNames, problems);
}

/** As `readAssignment`, for an assignment that came by itself (EDS). */
export function readLoadAssignment(
  assignment: envoy_config_endpoint_v3_ClusterLoadAssignment | undefined,
  allowsNames: boolean,
  problems: Problems,
): AssignmentTemplate {
  const priorities: { localities: LocalityData[]; endpoints: EndpointTemplate[] }[] = [];
  for (const group of assignment?.endpoints ?? []) {
    while (priorities.length <= group.priority) priorities.push({ localities: [], endpoints: [] });
    const level = priorities[group.priority]!;
    const locality = level.localities.push(localityOf(group)) - 1;
    if (group.lbConfig.case === "ledsClusterLocalityConfig") {
      problems.unsupported(
        group,
        "leds_cluster_locality_config",
        "no endpoints come by LEDS",
        true,
      );
    }
    group.lbEndpoints.forEach((entry, i) => {
      const place = { priority: group.priority, locality, allowsNames };
      const endpoint = readEndpoint(entry, place, problems);
      if (endpoint !== undefined) level.endpoints.push(endpoint);
      else if (entry.hostIdentifier.case !== "endpoint") {
        problems.unsupported(group, `lb_endpoints[${i}].endpoint_name`, "the endpoint is left out");
      }
    });
  }
  return {
    priorities: priorities.length === 0 ? [{ localities: [], endpoints: [] }] : priorities,
    overprovisioningFactor: assignment?.policy?.overprovisioningFactor ?? OVERPROVISIONING_FACTOR,
    weightedPriorityHealth: assignment?.policy?.weightedPriorityHealth ?? false,
  };
}

/** Hosts that requests named, all alike, in one priority and locality. */
export function dynamicAssignment(hosts: readonly DynamicHost[]): AssignmentTemplate {
  const locality = { region: "", zone: "", subZone: "", weight: undefined, metadata: undefined };
  const endpoints = hosts.map(({ name, addresses }): EndpointTemplate => ({
    priority: 0,
    locality: 0,
    target: addresses[0]!,
    additionalAddresses: addresses.slice(1),
    hostname: name,
    weight: 1,
    edsHealthStatus: 0,
    metadata: undefined,
    isCanary: false,
    check: undefined,
  }));
  return {
    priorities: [{ localities: [locality], endpoints }],
    overprovisioningFactor: OVERPROVISIONING_FACTOR,
    weightedPriorityHealth: false,
  };
}

function localityOf(group: envoy_config_endpoint_v3_LocalityLbEndpoints): LocalityData {
  return {
    region: group.locality?.region ?? "",
    zone: group.locality?.zone ?? "",
    subZone: group.locality?.subZone ?? "",
    weight: group.loadBalancingWeight,
    metadata: group.metadata?.filterMetadata,
  };
}

function readEndpoint(
  entry: envoy_config_endpoint_v3_LbEndpoint,
  place: {
    readonly priority: number;
    readonly locality: number;
    readonly allowsNames: boolean;
  },
  problems: Problems,
): EndpointTemplate | undefined {
  if (entry.hostIdentifier.case !== "endpoint") return undefined;
  const endpoint = entry.hostIdentifier.value;
  const target = endpoint.address === undefined
    ? undefined
    : readAddress(endpoint.address, place.allowsNames, problems);
  if (target === undefined) return undefined;
  const additional: Address[] = [];
  for (const { address } of endpoint.additionalAddresses) {
    const more = address === undefined ? undefined : readAddress(address, false, problems);
    if (more !== undefined && more.kind !== "name") additional.push(more);
  }
  const metadata = entry.metadata?.filterMetadata;
  return {
    priority: place.priority,
    locality: place.locality,
    target,
    additionalAddresses: additional,
    hostname: endpoint.hostname !== ""
      ? endpoint.hostname
      : target.kind === "name"
      ? target.name
      : "",
    weight: entry.loadBalancingWeight ?? 1,
    edsHealthStatus: entry.healthStatus,
    metadata,
    isCanary: metadata?.["envoy.lb"]?.["canary"] === true,
    check: readCheck(endpoint.healthCheckConfig, problems),
  };
}

function readCheck(
  config: envoy_config_endpoint_v3_Endpoint_HealthCheckConfig | undefined,
  problems: Problems,
): EndpointCheck | undefined {
  if (config === undefined) return undefined;
  const address = config.address === undefined
    ? undefined
    : readAddress(config.address, false, problems);
  return {
    address: address?.kind === "name" ? undefined : address,
    port: config.portValue,
    hostname: config.hostname,
    isDisabled: config.disableActiveHealthCheck,
  };
}

/** A configured address; a name only if `allowsNames`. Undefined after a problem was told. */
export function readAddress(
  message: envoy_config_core_v3_Address,
  allowsNames: boolean,
  problems: Problems,
): Address | NameTarget | undefined {
  const { address } = message;
  switch (address.case) {
    case "pipe":
      return { kind: "pipe", path: address.value.path };
    case "envoyInternalAddress": {
      const { addressNameSpecifier, endpointId } = address.value;
      if (addressNameSpecifier.case !== "serverListenerName") return undefined;
      return { kind: "internal", name: addressNameSpecifier.value, endpointId };
    }
    case "socketAddress": {
      const socket = address.value;
      const { case: portKind, value: port } = socket.portSpecifier;
      if (portKind === "namedPort") {
        problems.unsupported(socket, "named_port", "the endpoint is left out", true);
        return undefined;
      }
      if (ipVersion(socket.address) !== 0) {
        return { kind: "ip", host: socket.address.toLowerCase(), port: port ?? 0 };
      }
      if (allowsNames) return { kind: "name", name: socket.address, port: port ?? 0 };
      problems.error(
        socket,
        "address",
        `malformed IP address: ${socket.address}`,
        "consider setting the cluster's type to STRICT_DNS or LOGICAL_DNS",
      );
      return undefined;
    }
    default:
      return undefined;
  }
}
