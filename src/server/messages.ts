/** What main and its workers say to each other. All of it is structured-clonable. */

import type { Address, LogLevel, ServerLocality } from "../base/mod.ts";
import type { envoy_config_core_v3_BindConfig } from "../proto/mod.ts";
import type { StatsUpdate } from "../stats/mod.ts";
import type {
  ClusterResource,
  ConnectionWanted,
  DnsCacheNews,
  DnsCacheResource,
  DnsQuestion,
  HealthUpdate,
  HostEvent,
  HostUpdate,
} from "../upstream/mod.ts";
import type { RemoteProblem } from "./remote_problems.ts";

/** Facts a worker needs before any resource. */
export interface WorkerInit {
  /** 1 … concurrency; main is 0. */
  readonly index: number;
  readonly concurrency: number;
  /** Signs of life, see beats.ts. */
  readonly beats: SharedArrayBuffer;
  readonly drainTimeMs: number;
  readonly drainsAtOnce: boolean;
  readonly fileFlushIntervalMs: number;
  readonly logLevels: readonly (readonly [component: string, level: LogLevel])[];
  readonly logFormat: string | undefined;
  readonly logPath: string | undefined;
  readonly node: {
    readonly id: string;
    readonly cluster: string;
    readonly locality: ServerLocality | undefined;
    readonly metadata: { readonly [key: string]: unknown };
  };
  /** `cluster_manager.local_cluster_name`, or "". */
  readonly localCluster: string;
  /** The message `cluster_manager.upstream_bind_config`. */
  readonly bindConfig: envoy_config_core_v3_BindConfig | undefined;
  readonly hostname: string;
  readonly version: string;
}

/** How a compiled listener is bound on a worker. */
export interface ListenerBinding {
  /** Place in the list that was compiled. */
  readonly index: number;
  /** Ports that another worker found for port 0, by index of the address. */
  readonly ports: readonly number[] | undefined;
  /** Only one worker may own the socket (Unix sockets, enable_reuse_port: false). */
  readonly owner: number | undefined;
}

export type ToWorker =
  | { readonly type: "init"; readonly init: WorkerInit }
  | { readonly type: "runtime"; readonly values: ReadonlyMap<string, unknown> }
  /** Message types of the extensions in use: loaded before anything is compiled. */
  | { readonly type: "extensions"; readonly typeNames: readonly string[] }
  | { readonly type: "clusters"; readonly resources: readonly ClusterResource[] }
  | { readonly type: "hosts"; readonly updates: readonly HostUpdate[] }
  | { readonly type: "health"; readonly update: HealthUpdate }
  /** Another worker waits for a connection. */
  | { readonly type: "give_connection"; readonly wanted: ConnectionWanted }
  | { readonly type: "dns_caches"; readonly resources: readonly DnsCacheResource[] }
  | { readonly type: "dns_news"; readonly news: DnsCacheNews }
  | { readonly type: "secrets"; readonly secrets: readonly object[] }
  /** Compile these; what `reports` finds wrong is told to main, which has not compiled them. */
  | {
    readonly type: "compile_listeners";
    readonly messages: readonly object[];
    readonly reports: boolean;
  }
  /** Why the native handles do not work in this process, "" if they do; before anything is bound. */
  | { readonly type: "sockets"; readonly failure: string }
  | { readonly type: "bind"; readonly bindings: readonly ListenerBinding[] }
  /** Begin to accept on what is bound. */
  | { readonly type: "accept" }
  | { readonly type: "flush_stats"; readonly id: number }
  | { readonly type: "reopen_logs" }
  | {
    readonly type: "log_levels";
    readonly levels: readonly (readonly [component: string, level: LogLevel])[];
  }
  | { readonly type: "health_check_fail"; readonly failed: boolean }
  /** `POST /drain_listeners`: see DrainOptions of the listener room. */
  | {
    readonly type: "drain_listeners";
    readonly graceful: boolean;
    readonly inboundOnly: boolean;
    readonly skipExit: boolean;
  }
  /** Drains all connections for at most the drain time, then answers "drained". */
  | { readonly type: "drain" }
  | { readonly type: "exit" };

export type FromWorker =
  /** It listens; `init` may be sent. `thread`: where /proc shows it, "" if nowhere. */
  | { readonly type: "up"; readonly thread: string }
  | { readonly type: "compiled"; readonly problems: readonly RemoteProblem[] }
  | {
    readonly type: "listener_bound";
    readonly index: number;
    readonly addresses: readonly Address[];
  }
  | { readonly type: "listener_failed"; readonly index: number; readonly error: string }
  | { readonly type: "accepting" }
  | { readonly type: "stats"; readonly id: number; readonly update: StatsUpdate | undefined }
  /** A host was seen to fail: main judges. */
  | { readonly type: "host_event"; readonly event: HostEvent }
  /** A worker waits for a connection that another one has. */
  | { readonly type: "connection_wanted"; readonly wanted: ConnectionWanted }
  /** A filter uses a DNS cache, or waits for a name of one. */
  | { readonly type: "dns_question"; readonly question: DnsQuestion }
  | { readonly type: "drained" }
  | { readonly type: "fault"; readonly error: string };
