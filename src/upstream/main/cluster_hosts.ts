/**
 * The hosts of one cluster on main: endpoints as configured, with the addresses known so far, laid
 * out by priority. A host keeps its id and cells as long as its identity stays.
 */

import { type Address, formatAddress } from "../../base/mod.ts";
import type { AssignmentTemplate, EndpointCheck, EndpointTemplate } from "../endpoints.ts";
import { EDS_FLAGS, flagsOfHealthStatus, HEALTH, healthOf, isExcluded } from "../health_flags.ts";
import { HOST_STAT, type HostMemory } from "../host_memory.ts";
import type { HostData, HostSegment, HostSetData, LocalityData } from "../resource.ts";
import type { FilterMetadata } from "../transport_sockets.ts";

/** How endpoints become hosts. */
export type HostIdentity =
  /** Each endpoint is a host, also if two have one address (STATIC, LOGICAL_DNS). */
  | "endpoint"
  /** Hosts are told apart by address; a second endpoint of an address is left out (STRICT_DNS, EDS). */
  | "address"
  /** Hosts are told apart by their names; addresses may change (dynamic forward proxy). */
  | "hostname";

/** Membership by health, as the stats count it. */
export interface Membership {
  readonly total: number;
  readonly healthy: number;
  readonly degraded: number;
  readonly excluded: number;
  readonly maxWeight: number;
}

/** A host with what only main knows of it. */
export interface HostEntry {
  readonly data: HostData;
  readonly set: HostSetData;
  readonly check: EndpointCheck | undefined;
}

interface Place {
  readonly id: number;
  readonly segment: number;
  readonly slot: number;
}

/** Hands out host ids, unique in the process. */
export class HostIds {
  #last = 0;

  next(): number {
    return ++this.#last;
  }
}

/**
 * The layout of hosts by priority, with stable ids; it changes by assignments and by resolved
 * addresses.
 */
export class ClusterHosts {
  readonly #memory: HostMemory;
  readonly #ids: HostIds;
  readonly #identity: HostIdentity;
  #template: AssignmentTemplate;
  /** Addresses of endpoints that are names, as resolved so far. */
  readonly #resolved = new Map<EndpointTemplate, readonly Address[]>();
  #places = new Map<string, Place>();
  #sets: readonly HostSetData[] = [];
  #checks = new Map<number, EndpointCheck>();
  readonly #newFlags: number;
  readonly #keepsWell: boolean;
  /** Hosts that the endpoints no longer name. */
  #removed: readonly HostData[] = [];
  readonly #onNewHost: (endpoint: FilterMetadata, locality: FilterMetadata) => void;
  /** Health status by host id as it was last laid out, so that flags are only written on change. */
  #statuses = new Map<number, number>();

  constructor(
    template: AssignmentTemplate,
    options: {
      readonly memory: HostMemory;
      readonly ids: HostIds;
      readonly identity: HostIdentity;
      /** Flags of a host until its first check; 0 where hosts are not checked. */
      readonly newFlags?: number;
      /** Hosts that are gone from the endpoints stay until a check fails them. */
      readonly keepsWell?: boolean;
      /** Told of each new host's metadata and its locality's. */
      readonly onNewHost?: (endpoint: FilterMetadata, locality: FilterMetadata) => void;
    },
  ) {
    this.#template = template;
    this.#memory = options.memory;
    this.#ids = options.ids;
    this.#identity = options.identity;
    this.#newFlags = options.newFlags ?? 0;
    this.#keepsWell = options.keepsWell ?? false;
    this.#onNewHost = options.onNewHost ?? (() => {});
    this.layOut();
  }

  get sets(): readonly HostSetData[] {
    return this.#sets;
  }

  /** All hosts, in their order. */
  entries(): HostEntry[] {
    return this.#sets.flatMap((set) =>
      set.hosts.map((data) => ({ data, set, check: this.#checks.get(data.id) }))
    );
  }

  /** Endpoints whose addresses are names. */
  names(): EndpointTemplate[] {
    return this.#template.priorities.flatMap((level) => level.endpoints)
      .filter((endpoint) => endpoint.target.kind === "name");
  }

  /** Takes over another assignment (EDS). */
  replace(template: AssignmentTemplate): void {
    this.#template = template;
    this.#resolved.clear();
  }

  /** @returns whether these are other addresses than before */
  resolve(endpoint: EndpointTemplate, addresses: readonly Address[]): boolean {
    const texts = addresses.map(formatAddress);
    const old = (this.#resolved.get(endpoint) ?? []).map(formatAddress);
    // The first address of a logical host is the one that it has.
    const hasMoved = this.#identity === "endpoint" && texts[0] !== old[0];
    const sorted = old.sort();
    const isSame = !hasMoved && texts.length === sorted.length &&
      texts.sort().every((text, i) => text === sorted[i]);
    if (isSame) return false;
    this.#resolved.set(endpoint, addresses);
    return true;
  }

  /** Lays the hosts out again. @returns whether any came or went */
  layOut(): boolean {
    const places = new Map<string, Place>();
    const statuses = new Map<number, number>();
    const checks = new Map<number, EndpointCheck>();
    let endpointIndex = 0;
    const sets = this.#template.priorities.map((level, priority) => ({
      priority,
      localities: level.localities,
      overprovisioningFactor: this.#template.overprovisioningFactor,
      weightedPriorityHealth: this.#template.weightedPriorityHealth,
      hosts: level.endpoints.flatMap((endpoint) => {
        const hosts: HostData[] = [];
        for (const address of this.#addressesOf(endpoint)) {
          const key = this.#keyOf(endpoint, address, endpointIndex);
          if (places.has(key)) continue;
          const place = this.#places.get(key) ??
            this.#newPlace(endpoint, level.localities[endpoint.locality]!);
          if (this.#removed.length > 0) this.#setRemoved(place, false);
          places.set(key, place);
          if (endpoint.check !== undefined) checks.set(place.id, endpoint.check);
          statuses.set(place.id, endpoint.edsHealthStatus);
          if (this.#statuses.get(place.id) !== endpoint.edsHealthStatus) {
            const flags = flagsOfHealthStatus(endpoint.edsHealthStatus);
            this.#memory.view(place.segment)
              .changeFlags(place.slot, flags, EDS_FLAGS & ~flags);
          }
          const additional = this.#additionalAddressesOf(endpoint);
          hosts.push(hostOf(endpoint, { address, additional }, place));
        }
        endpointIndex++;
        return hosts;
      }),
    }));
    this.#removed = this.#keepsWell ? this.#keepWell(sets, places, statuses, checks) : [];
    this.#sets = sets;
    const before = this.#places;
    this.#places = places;
    this.#statuses = statuses;
    this.#checks = checks;
    let hasChanged = false;
    for (const [key, place] of before) {
      if (places.get(key)?.id === place.id) continue;
      this.#memory.give(place);
      hasChanged = true;
    }
    for (const key of places.keys()) hasChanged ||= !before.has(key);
    return hasChanged;
  }

  /** Whether a host that is only kept because it is well is so no more. */
  hasFailedRemoved(): boolean {
    return this.#removed.some((host) => !this.#isWell(host));
  }

  /** A number that grows with each use of a host that is told by its name. */
  useCount(hostname: string): number {
    const place = this.#places.get(hostname);
    if (place === undefined) return 0;
    const view = this.#memory.view(place.segment);
    return view.sum(place.slot, HOST_STAT.cxTotal) + view.sum(place.slot, HOST_STAT.rqTotal);
  }

  segments(): HostSegment[] {
    const ids = new Set<number>();
    for (const set of this.#sets) for (const host of set.hosts) ids.add(host.segment);
    return this.#memory.segments(ids);
  }

  membership(): Membership {
    let [total, healthy, degraded, excluded, maxWeight] = [0, 0, 0, 0, 0];
    for (const set of this.#sets) {
      for (const host of set.hosts) {
        const flags = this.#memory.view(host.segment).flags(host.slot);
        const health = healthOf(flags);
        total++;
        if (health === "healthy") healthy++;
        if (health === "degraded") degraded++;
        if (isExcluded(flags)) excluded++;
        maxWeight = Math.max(maxWeight, host.weight);
      }
    }
    return { total, healthy, degraded, excluded, maxWeight };
  }

  /** Gives all cells back. */
  release(): void {
    for (const place of this.#places.values()) this.#memory.give(place);
    this.#places.clear();
    this.#sets = [];
  }

  /** Adds hosts of before that are well and not in `places`, in their priority and locality. */
  #keepWell(
    sets: { localities: readonly LocalityData[]; hosts: HostData[]; priority: number }[],
    places: Map<string, Place>,
    statuses: Map<number, number>,
    checks: Map<number, EndpointCheck>,
  ): HostData[] {
    const kept: HostData[] = [];
    for (const before of this.#sets) {
      for (const host of before.hosts) {
        const key = formatAddress(host.address);
        if (places.has(key) || !this.#isWell(host)) continue;
        while (sets.length <= before.priority) {
          sets.push({ ...before, priority: sets.length, localities: [], hosts: [] });
        }
        const set = sets[before.priority]!;
        const wanted = before.localities[host.locality]!;
        let locality = set.localities.findIndex((one) => isSamePlace(one, wanted));
        if (locality < 0) {
          locality = set.localities.length;
          set.localities = [...set.localities, wanted];
        }
        const data = { ...host, locality };
        set.hosts.push(data);
        kept.push(data);
        places.set(key, this.#places.get(key)!);
        statuses.set(host.id, host.edsHealthStatus);
        const check = this.#checks.get(host.id);
        if (check !== undefined) checks.set(host.id, check);
        this.#setRemoved(host, true);
      }
    }
    return kept;
  }

  #isWell({ segment, slot }: HostData): boolean {
    const flags = this.#memory.view(segment).flags(slot);
    return (flags & (HEALTH.failedActiveHc | HEALTH.failedEdsHealth)) === 0;
  }

  #setRemoved({ segment, slot }: Pick<Place, "segment" | "slot">, isRemoved: boolean): void {
    const flag = HEALTH.pendingDynamicRemoval;
    this.#memory.view(segment).changeFlags(slot, isRemoved ? flag : 0, isRemoved ? 0 : flag);
  }

  #keyOf(endpoint: EndpointTemplate, address: Address, index: number): string {
    if (this.#identity === "hostname") return endpoint.hostname;
    return this.#identity === "address" ? formatAddress(address) : String(index);
  }

  #newPlace({ check, metadata }: EndpointTemplate, locality: LocalityData): Place {
    const place = { id: this.#ids.next(), ...this.#memory.take() };
    this.#onNewHost(metadata, locality.metadata);
    if (check?.isDisabled !== true) {
      this.#memory.view(place.segment).changeFlags(place.slot, this.#newFlags, 0);
    }
    return place;
  }

  #addressesOf(endpoint: EndpointTemplate): readonly Address[] {
    const { target } = endpoint;
    if (target.kind !== "name") return [target];
    const addresses = this.#resolved.get(endpoint) ?? [];
    return this.#identity === "endpoint" ? addresses.slice(0, 1) : addresses;
  }

  /** A logical host has all other addresses of its name as well. */
  #additionalAddressesOf(endpoint: EndpointTemplate): readonly Address[] {
    if (endpoint.target.kind !== "name" || this.#identity !== "endpoint") {
      return endpoint.additionalAddresses;
    }
    return this.#resolved.get(endpoint)?.slice(1) ?? [];
  }
}

function isSamePlace(a: LocalityData, b: LocalityData): boolean {
  return a.region === b.region && a.zone === b.zone && a.subZone === b.subZone;
}

function hostOf(
  endpoint: EndpointTemplate,
  at: { readonly address: Address; readonly additional: readonly Address[] },
  place: Place,
): HostData {
  return {
    id: place.id,
    address: at.address,
    additionalAddresses: at.additional,
    hostname: endpoint.hostname,
    weight: endpoint.weight,
    metadata: endpoint.metadata,
    isCanary: endpoint.isCanary,
    locality: endpoint.locality,
    edsHealthStatus: endpoint.edsHealthStatus,
    segment: place.segment,
    slot: place.slot,
  };
}
