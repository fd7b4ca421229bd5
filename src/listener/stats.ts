/** `listener.<address>.*` stats of one listener on one thread, under Envoy's names. */

import { type Histogram, type Scope, type StatGroup, statTemplate } from "../stats/mod.ts";

const TEMPLATE = statTemplate(
  `downstream_cx_total downstream_cx_destroy downstream_cx_overflow downstream_cx_overload_reject
  downstream_cx_transport_socket_connect_timeout downstream_global_cx_overflow
  downstream_pre_cx_timeout downstream_listener_filter_remote_close
  downstream_listener_filter_error no_filter_chain_match extension_config_missing
  network_extension_config_missing`,
  "downstream_cx_active downstream_pre_cx_active",
);
const WORKER_TEMPLATE = statTemplate("downstream_cx_total", "downstream_cx_active");

/** Indices into the group. */
export const LISTENER_STAT = {
  cxTotal: 0,
  cxDestroy: 1,
  cxOverflow: 2,
  cxOverloadReject: 3,
  connectTimeout: 4,
  globalCxOverflow: 5,
  preCxTimeout: 6,
  filterRemoteClose: 7,
  filterError: 8,
  noFilterChainMatch: 9,
  cxActive: 12,
  preCxActive: 13,
} as const;

const WORKER_CX_TOTAL = 0;
const WORKER_CX_ACTIVE = 1;

/** Counters, gauges and histograms of connections; times in milliseconds. */
export class ListenerStats {
  readonly group: StatGroup;
  readonly #worker: StatGroup;
  readonly #lengthMs: Histogram;
  readonly #perEvent: Histogram;

  /** `worker` is 0 on main, whose connections Envoy counts under `main_thread`. */
  constructor(scope: Scope, worker: number) {
    this.group = scope.group(TEMPLATE);
    const thread = worker === 0 ? "main_thread" : `worker_${worker - 1}`;
    this.#worker = scope.scope(thread).group(WORKER_TEMPLATE);
    this.#lengthMs = scope.histogram("downstream_cx_length_ms", "milliseconds");
    this.#perEvent = scope.histogram("connections_accepted_per_socket_event");
    // Gauges show as 0 from the start.
    this.group.change(LISTENER_STAT.cxActive, 0);
    this.group.change(LISTENER_STAT.preCxActive, 0);
    this.#worker.change(WORKER_CX_ACTIVE, 0);
  }

  /** A connection was accepted; the native handles hand over one an event. */
  accepted(): void {
    this.#perEvent.record(1);
  }

  inc(index: number): void {
    this.group.inc(index);
  }

  /** A filter chain took the connection. */
  connectionOpened(): void {
    this.group.inc(LISTENER_STAT.cxTotal);
    this.group.change(LISTENER_STAT.cxActive, 1);
    this.#worker.inc(WORKER_CX_TOTAL);
    this.#worker.change(WORKER_CX_ACTIVE, 1);
  }

  connectionClosed(lengthMs: number): void {
    this.group.inc(LISTENER_STAT.cxDestroy);
    this.group.change(LISTENER_STAT.cxActive, -1);
    this.#worker.change(WORKER_CX_ACTIVE, -1);
    this.#lengthMs.record(lengthMs);
  }

  get activeConnections(): number {
    return this.group.get(LISTENER_STAT.cxActive);
  }
}
