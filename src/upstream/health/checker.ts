/** The health checks of one cluster: a session for each host that is to be checked. */

import type { Address } from "../../base/mod.ts";
import type { Connection } from "../../net/mod.ts";
import type { CodecFactory } from "../conn_pool/pool_context.ts";
import type { EndpointCheck } from "../endpoints.ts";
import type { CheckPolicy } from "./policy.ts";
import type { CheckTarget, Probe, ProbeEvents } from "./probe.ts";
import type { FilterMetadata } from "../transport_sockets.ts";
import { type CheckedHost, CheckSession, type SessionEvents } from "./session.ts";

/** An endpoint that is connected to for a check. */
export interface CheckedAddress {
  readonly address: Address;
  readonly hostname: string;
  /** These choose the transport socket. */
  readonly metadata: FilterMetadata;
  readonly localityMetadata: FilterMetadata;
}

/** Where the probes' connections come from: main's own side of the cluster. */
export interface CheckTransport {
  connectForCheck(target: CheckedAddress, alpn: readonly string[]): Connection;
  readonly codecs: CodecFactory;
  isTls(target: CheckedAddress): boolean;
}

/** A host of the cluster with its own `health_check_config`. */
export interface CheckableHost extends CheckedHost {
  readonly id: number;
  readonly hostname: string;
  readonly check: EndpointCheck | undefined;
}

export interface CheckerOptions {
  readonly cluster: string;
  readonly policy: CheckPolicy;
  readonly transport: () => CheckTransport;
  readonly hasTraffic: () => boolean;
  /** A check ended. */
  readonly onChecked: (
    hostId: number,
    result: { readonly isHealthy: boolean; readonly hasChanged: boolean },
  ) => void;
  /** Each host of the start has been checked once. */
  readonly onFirstRound: () => void;
}

/** Keeps one session a host, and tells when the first round is over. */
export class HealthChecker {
  readonly #options: CheckerOptions;
  readonly #sessions = new Map<number, CheckSession>();
  /** Hosts of the start that have not been checked yet; undefined before it and after. */
  #firstRound: Set<number> | undefined;

  constructor(options: CheckerOptions) {
    this.#options = options;
  }

  /** Begins to check these hosts; `onFirstRound` follows, at once if there are none. */
  start(hosts: readonly CheckableHost[]): void {
    const checked = hosts.filter((host) => host.check?.isDisabled !== true);
    this.#firstRound = new Set(checked.map((host) => host.id));
    this.setHosts(hosts);
    this.#endFirstRound();
  }

  /** Hosts came or went. */
  setHosts(hosts: readonly CheckableHost[]): void {
    const kept = new Set(hosts.map((host) => host.id));
    for (const [id, session] of this.#sessions) {
      if (kept.has(id)) continue;
      session.stop();
      this.#sessions.delete(id);
      this.#firstRound?.delete(id);
    }
    for (const host of hosts) {
      if (this.#sessions.has(host.id) || host.check?.isDisabled === true) continue;
      const session = this.#createSession(host);
      this.#sessions.set(host.id, session);
      session.start();
    }
    this.#endFirstRound();
  }

  /** A response of the host said that it is to be sent nothing. */
  failPassively(hostId: number): void {
    this.#sessions.get(hostId)?.failPassively();
  }

  stop(): void {
    for (const session of this.#sessions.values()) session.stop();
    this.#sessions.clear();
    this.#firstRound = undefined;
  }

  /** The event logs are opened anew. */
  reopenLogs(): void {
    for (const file of this.#options.policy.events.files) file.reopen();
  }

  #createSession(host: CheckableHost): CheckSession {
    const { policy, transport, hasTraffic, onChecked } = this.#options;
    const events: SessionEvents = {
      hasTraffic,
      onChecked: (_, result) => {
        onChecked(host.id, result);
        this.#firstRound?.delete(host.id);
        this.#endFirstRound();
      },
    };
    const target = targetOf(host, this.#options.cluster);
    const createProbe = (probeEvents: ProbeEvents): Probe =>
      policy.createProbe({
        target,
        events: probeEvents,
        connect: (alpn) => transport().connectForCheck(target, alpn),
        get isTls() {
          return transport().isTls(target);
        },
        createCodec: (...parts) => transport().codecs(...parts),
      });
    return new CheckSession(host, policy, { events, createProbe });
  }

  #endFirstRound(): void {
    if (this.#firstRound?.size !== 0) return;
    this.#firstRound = undefined;
    this.#options.onFirstRound();
  }
}

function targetOf(host: CheckableHost, cluster: string): CheckTarget & CheckedAddress {
  const { address, check, hostname, locality, metadata } = host;
  const base = check?.address ?? address;
  const port = check?.port ?? 0;
  return {
    address: port === 0 || base.kind !== "ip" ? base : { ...base, port },
    hostname,
    metadata,
    localityMetadata: locality.metadata,
    authority: check === undefined || check.hostname === "" ? cluster : check.hostname,
  };
}
