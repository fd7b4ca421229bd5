/** What admin may read and ask of the server: snapshots and commands, never another room's fields. */

import type { Address, LogComponent, LogLevel } from "../base/mod.ts";
import type { StatsStore } from "../stats/mod.ts";
import type { ClusterSnapshot } from "../upstream/mod.ts";

/** Envoy's server states. */
export type ServerState = "LIVE" | "DRAINING" | "PRE_INITIALIZING" | "INITIALIZING";

/** A JSON value as `JSON.stringify` takes it. */
export type Json = null | boolean | number | string | readonly Json[] | {
  readonly [key: string]: Json | undefined;
};

/** One listener as it runs. */
export interface ListenerStatus {
  readonly name: string;
  readonly addresses: readonly Address[];
}

/** One section of /config_dump, in Envoy's order; each is a dump message in JSON with its `@type`. */
export interface ConfigDumpSections {
  bootstrap(): Json;
  clusters(): Json;
  listeners(): Json;
  scopedRoutes(): Json;
  routes(): Json;
  secrets(): Json;
  endpoints(): Json;
  ecds(): Json | undefined;
}

/** One runtime layer with what it says by key. */
export interface RuntimeLayer {
  readonly name: string;
  readonly values: ReadonlyMap<string, string>;
}

/** One loaded certificate for /certs. */
export interface CertificateStatus {
  readonly caCertificates: readonly Json[];
  readonly certChain: readonly Json[];
}

/** What the endpoints see of the process and may ask of it. */
export interface AdminHost {
  readonly store: StatsStore;
  state(): ServerState;
  /** Brings the stats of all threads up to date: histograms show after it. */
  collectStats(): Promise<void>;
  /** Refreshes gauges that are computed when asked (uptime, memory, connections). */
  refreshServerStats(): void;
  listeners(): readonly ListenerStatus[];
  clusters(): Promise<readonly ClusterSnapshot[]>;
  readonly configDump: ConfigDumpSections;
  /** /server_info without state and uptimes. */
  serverInfo(): { readonly [key: string]: Json };
  uptimeSeconds(): number;
  certificates(): readonly CertificateStatus[];
  runtimeLayers(): readonly RuntimeLayer[];
  /** Sets or (empty text) removes values in the admin layer. @returns an error text or undefined */
  modifyRuntime(changes: ReadonlyMap<string, string>): string | undefined;
  logLevels(): ReadonlyMap<LogComponent, LogLevel>;
  setLogLevels(levels: ReadonlyMap<LogComponent, LogLevel>): void;
  reopenLogs(): void;
  failHealthCheck(failed: boolean): void;
  drainListeners(
    options: {
      readonly graceful: boolean;
      readonly inboundOnly: boolean;
      readonly skipExit: boolean;
    },
  ): void;
  quit(): void;
  /** Bytes: allocated, heap size, free in the page heap, unmapped, thread caches, physical. */
  memory(): {
    readonly allocated: number;
    readonly heapSize: number;
    readonly pageheapFree: number;
    readonly pageheapUnmapped: number;
    readonly threadCache: number;
    readonly physical: number;
  };
}
