/**
 * What every compile step gets from `server/`: where to report problems and how to look things up.
 * On main the same steps run only to check: `isCheckOnly` is true and stats go nowhere that matters.
 * `runtime/` adds runtime values and stats to it for the rooms above.
 */

import type { Problems } from "./config_error.ts";
import type { Dispatcher } from "./dispatcher.ts";

/** What every compile step may use, whatever its room. */
export interface BaseCompileContext {
  readonly problems: Problems;
  readonly dispatcher: Dispatcher;
  readonly isCheckOnly: boolean;
  /** Index of the worker; 0 is main. */
  readonly worker: number;
  /** Node and server facts for formatters and headers. */
  readonly server: ServerFacts;
  /**
   * The factory of an unpacked typed_config by its message type, from the registries that `server/`
   * joined and loaded before compiling; undefined if denvoy has none.
   */
  extension<Factory>(category: ExtensionCategory, typeName: string): Factory | undefined;
  /** Services of higher rank or of the thread, put in by `server/` under their interface's name. */
  service<Service>(name: string): Service;
}

/**
 * A registry's line for one extension, loaded when a configuration names its type, so that one that
 * nobody uses costs neither start-up time nor memory.
 */
export interface ExtensionRow<Factory = unknown> {
  readonly name: string;
  readonly type: string;
  /** Another message that names it: an HTTP filter's per-route configuration. */
  readonly routeType?: string;
  readonly load: () => Promise<Factory>;
}

export type ExtensionCategory =
  | "http_filter"
  | "network_filter"
  | "listener_filter"
  | "access_logger"
  | "upstream_http"
  | "request_id"
  | "original_ip"
  | "header_formatter"
  | "path_matcher"
  | "path_rewriter"
  | "early_header_mutation"
  | "internal_redirect_predicate"
  | "retry_host_predicate"
  | "retry_priority"
  | "matcher_input"
  | "formatter_command"
  | "lb_policy"
  | "cluster_type";

/** Where this process runs. */
export interface ServerLocality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** Facts of this process that configuration and logs refer to. */
export interface ServerFacts {
  readonly nodeId: string;
  readonly nodeCluster: string;
  readonly zone: string;
  /** Absent where neither the node nor the command line names any part of it. */
  readonly locality?: ServerLocality;
  readonly nodeMetadata: { readonly [key: string]: unknown };
  readonly hostname: string;
  readonly version: string;
  /** IP of this machine, which x-forwarded-for shows in place of a loopback peer. */
  readonly localAddress?: string;
  /** Drain time in milliseconds (`--drain-time-s`). */
  readonly drainTimeMs: number;
  /** `--drain-strategy immediate`; absent: gradual. */
  readonly drainsAtOnce?: boolean;
  /** Environment for %ENVIRONMENT()%, read by `server/` only. */
  environment(name: string): string | undefined;
}
