/**
 * A worker thread: owns its accept loops, connections, pools and balancers; compiles what
 * main posts and swaps it in. Its static imports hold neither the YAML reader nor the descriptors.
 */

import { parentPort } from "node:worker_threads";
import process from "node:process";
import { AccessLogManager } from "../access_log/mod.ts";
import {
  collectGarbage,
  Dispatcher,
  type LogComponent,
  logger,
  THROWING_PROBLEMS,
} from "../base/mod.ts";
import { type CompiledListener, compileListener, ListenerManager } from "../listener/mod.ts";
import { SECRET_STORE, startConnectionIds, ThreadSecrets, useNativeHandles } from "../net/mod.ts";
import { type CompileContext, Runtime } from "../runtime/mod.ts";
import { StatsRoot } from "../stats/mod.ts";
import {
  type DnsCacheService,
  DYNAMIC_FORWARD_PROXY,
  type DynamicForwardProxy,
  loadCodecs,
  WorkerClusterManager,
  type WorkerDnsCaches,
} from "../upstream/mod.ts";
import { Beat, BEAT_INTERVAL_MS, SETTLE_MS } from "./beats.ts";
import { compileContext, serverFacts } from "./compile_context.ts";
import { Extensions } from "./extensions.ts";
import { REGISTRIES } from "./registries.ts";
import { configureLog } from "./log.ts";
import type { FromWorker, ListenerBinding, ToWorker, WorkerInit } from "./messages.ts";
import { QuietCollector } from "./quiet_collector.ts";
import { ProblemRecorder } from "./remote_problems.ts";

/** Everything one worker has, once it was told who it is. */
class WorkerThread {
  readonly #init: WorkerInit;
  readonly #beat: Beat;
  readonly #dispatcher: Dispatcher;
  readonly #stats = new StatsRoot();
  readonly #runtime = new Runtime();
  readonly #extensions = new Extensions(REGISTRIES);
  readonly #accessLogs: AccessLogManager;
  readonly #secrets = new ThreadSecrets();
  readonly #context: CompileContext;
  readonly #clusters: WorkerClusterManager;
  readonly #listeners: ListenerManager;
  readonly #quiet = new QuietCollector(collectGarbage);
  #compiled: CompiledListener[] = [];
  #dnsCaches: WorkerDnsCaches | undefined;
  #isHealthCheckFailed = false;

  constructor(init: WorkerInit) {
    this.#init = init;
    configureLog({
      levels: new Map(init.logLevels as [LogComponent, never][]),
      format: init.logFormat,
      path: init.logPath,
      thread: String(init.index),
    });
    this.#beat = new Beat(init.beats, init.index);
    this.#dispatcher = new Dispatcher({ onError: (error) => this.reportFault(error) });
    this.#accessLogs = new AccessLogManager(this.#dispatcher, {
      flushIntervalMs: init.fileFlushIntervalMs,
      scope: this.#stats.scope,
    });
    startConnectionIds(init.index);
    const services = new Map<string, unknown>([
      [SECRET_STORE, this.#secrets],
      ["access_log_manager", this.#accessLogs],
    ]);
    this.#context = compileContext({
      problems: THROWING_PROBLEMS,
      dispatcher: this.#dispatcher,
      scope: this.#stats.scope,
      runtime: this.#runtime,
      server: serverFacts(init.node, init),
      extensions: this.#extensions,
      worker: init.index,
      isCheckOnly: false,
      services,
    });
    this.#clusters = new WorkerClusterManager(this.#context, {
      onHostEvent: (event) => send({ type: "host_event", event }),
      onConnectionWanted: (wanted) => send({ type: "connection_wanted", wanted }),
      localCluster: init.localCluster,
      bindConfig: init.bindConfig,
    });
    this.#listeners = new ListenerManager(this.#context);
    services.set("cluster_manager", this.#clusters);
    services.set(
      "dns_caches",
      {
        declare: (options) => this.#dnsCaches?.declare(options),
        get: (name) => this.#dnsCaches?.get(name),
      } satisfies DnsCacheService,
    );
    services.set("server_health", { isFailed: () => this.#isHealthCheckFailed });
    setInterval(() => this.#writeBeat(), BEAT_INTERVAL_MS);
    this.#writeBeat();
  }

  /** Counts and logs an exception of our own; the connection or the turn it hit is gone, we go on. */
  reportFault(error: unknown): void {
    this.#beat.countFault();
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    logger("main").error("exception in worker {worker}: {text}", {
      worker: this.#init.index,
      text,
    });
  }

  async handle(message: ToWorker): Promise<void> {
    switch (message.type) {
      case "runtime":
        return this.#runtime.replace(message.values);
      case "extensions":
        await this.#extensions.load(message.typeNames);
        return this.#makeDnsCaches();
      case "dns_caches":
        for (const resource of message.resources) this.#dnsCaches?.apply(resource);
        return;
      case "dns_news":
        return this.#dispatcher.run(() => this.#dnsCaches?.hear(message.news));
      case "secrets":
        return this.#secrets.addStatic(message.secrets as never);
      case "clusters":
        await loadCodecs();
        for (const resource of message.resources) this.#clusters.apply(resource);
        return;
      case "hosts":
        this.#dispatcher.run(() => {
          for (const update of message.updates) this.#clusters.updateHosts(update);
        });
        return;
      case "health":
        return this.#dispatcher.run(() => this.#clusters.applyHealth(message.update));
      case "give_connection":
        return this.#dispatcher.run(() => this.#clusters.giveConnection(message.wanted));
      case "compile_listeners":
        return this.#compileListeners(message.messages, message.reports);
      case "sockets":
        return this.#chooseSockets(message.failure);
      case "bind":
        for (const binding of message.bindings) this.#bind(binding);
        return;
      case "accept":
        this.#listeners.startAccepting();
        setTimeout(() => collectGarbage(), SETTLE_MS);
        return send({ type: "accepting" });
      case "flush_stats":
        return send({ type: "stats", id: message.id, update: this.#stats.takeUpdate() });
      case "reopen_logs":
        return this.#accessLogs.reopenAll();
      case "log_levels":
        return configureLog({
          levels: new Map(message.levels as [LogComponent, never][]),
          format: this.#init.logFormat,
          path: this.#init.logPath,
          thread: String(this.#init.index),
        });
      case "health_check_fail":
        this.#isHealthCheckFailed = message.failed;
        return;
      case "drain_listeners":
        return this.#dispatcher.run(() => this.#listeners.drainListeners(message));
      case "drain":
        return await this.#drain();
      case "exit":
        this.#accessLogs.flushAll();
        Deno.exit(0);
        return;
      case "init":
        throw new RangeError("A worker is told once who it is");
    }
  }

  /** Only where a cluster's type needs them are they loaded at all. */
  #makeDnsCaches(): void {
    const forward = this.#context.extension<DynamicForwardProxy>(
      "cluster_type",
      DYNAMIC_FORWARD_PROXY,
    );
    this.#dnsCaches ??= forward?.createWorkerCaches({
      scope: this.#stats.scope,
      thread: this.#init.index,
      ask: (question) => send({ type: "dns_question", question }),
    });
  }

  /** Compiles all listeners; a later binding names them by their place. */
  #compileListeners(messages: readonly object[], reports: boolean): void {
    const recorder = new ProblemRecorder(messages);
    const context = reports ? { ...this.#context, problems: recorder } : this.#context;
    this.#compiled = [];
    try {
      for (const message of messages) {
        this.#compiled.push(compileListener(message as never, context));
      }
    } catch (error) {
      // A compile step may stop at what it reported; without a report it is our bug.
      if (!recorder.problems.some((problem) => problem.kind === "error")) throw error;
    }
    if (reports) send({ type: "compiled", problems: recorder.problems });
  }

  /** A runtime whose handles fail serves by Node's streams: slower, and worth a word. */
  #chooseSockets(failure: string): void {
    useNativeHandles(failure === "");
    this.#stats.scope.gauge("denvoy.native_handles").set(failure === "" ? 1 : 0);
    if (failure === "") return;
    logger("main").warn("native handles do not work here ({failure}); streams serve", { failure });
  }

  #bind({ index, ports, owner }: ListenerBinding): void {
    const isOwner = owner === undefined || owner === this.#init.index;
    const result = this.#listeners.add(this.#compiled[index]!, { ports, isOwner });
    if (typeof result === "string") send({ type: "listener_failed", index, error: result });
    else send({ type: "listener_bound", index, addresses: result });
  }

  async #drain(): Promise<void> {
    this.#dispatcher.run(() => this.#listeners.drainAll());
    const until = performance.now() + this.#init.drainTimeMs;
    while (this.#listeners.activeConnections > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // What did not end in time is cut, and logged as cut.
    this.#dispatcher.run(() => this.#listeners.closeAll());
    this.#accessLogs.flushAll();
    send({ type: "drained" });
  }

  #writeBeat(): void {
    const { activeConnections } = this.#listeners;
    this.#beat.write(Date.now(), process.memoryUsage().heapUsed, activeConnections);
    this.#quiet.look(this.#dispatcher.turns, activeConnections);
  }
}

function send(message: FromWorker): void {
  parentPort!.postMessage(message);
}

let thread: WorkerThread | undefined;
/** Messages are worked off one after the other, also where one has to wait for a module. */
let queue: Promise<void> = Promise.resolve();

function fault(error: unknown): void {
  if (thread !== undefined) thread.reportFault(error);
  else send({ type: "fault", error: String(error) });
}

globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  fault(event.error);
});
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  fault(event.reason);
});

/** Hears one message of main. */
export function hear(message: ToWorker): void {
  if (message.type === "init") {
    thread = new WorkerThread(message.init);
    return;
  }
  const handle = (): Promise<void> => thread!.handle(message).catch(fault);
  queue = queue.then(handle);
}

// Nearly every configuration needs these; they load while main reads the file.
void import("../connection_manager/mod.ts");
void import("../router/mod.ts");
