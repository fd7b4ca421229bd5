/**
 * The main thread: reads the configuration, starts the workers, resolves clusters, answers admin,
 * aggregates stats, handles signals and drain. It never touches a proxied byte.
 */

import process from "node:process";
import {
  type Address,
  collectGarbage,
  Dispatcher,
  durationMs,
  formatAddress,
  type LogComponent,
  logger,
  type LogLevel,
} from "../base/mod.ts";
import type { envoy_config_listener_v3_Listener } from "../proto/mod.ts";
import {
  chooseSockets,
  confirmNativeHandles,
  isTestedDeno,
  ListenError,
  SECRET_STORE,
  ThreadSecrets,
  useNativeHandles,
} from "../net/mod.ts";
import { type CompileContext, Runtime } from "../runtime/mod.ts";
import { StatsRoot, StatsStore } from "../stats/mod.ts";
import { CLUSTER_TYPES, loadPartsFor, MainClusters } from "../upstream/main_mod.ts";
import { AdminDoor, doorAddress } from "./admin_door.ts";
import type { AdminParts, AdminServer } from "./admin_server.ts";
import { SETTLE_MS } from "./beats.ts";
import { compileContext } from "./compile_context.ts";
import { Extensions } from "./extensions.ts";
import { type Introduction, localClusterOf } from "./introduction.ts";
import type { LoadedConfig } from "./load.ts";
import { configureLog } from "./log.ts";
import type { FromWorker, ListenerBinding, ToWorker } from "./messages.ts";
import type { Process } from "./process.ts";
import { replayProblems } from "./remote_problems.ts";
import { ServerStats, STATE_NUMBERS } from "./server_stats.ts";
import { makeSubscriber } from "./subscriptions.ts";
import type { WorkerPool } from "./worker_pool.ts";
import type { ListenerStatus, ServerState } from "../admin/mod.ts";

/** Clusters go to workers in pieces, so that none stalls on one clone (DESIGN §2). */
const CLUSTERS_PER_MESSAGE = 50;
/** How long the first answers of DNS are waited for; what comes later is published as it comes. */
const DNS_WAIT_MS = 1000;
/** How long admin's first connections wait for the workers to come up. */
const ADMIN_WAIT_MS = 1000;
/** When a replaced worker tries again to bind what it could not. */
const BIND_AGAIN_MS = 1000;

export interface ServerOptions {
  readonly config: LoadedConfig;
  /** What the workers have heard already. */
  readonly introduction: Introduction;
  readonly pool: WorkerPool;
  readonly process: Process;
}

/** One listener as main knows it. */
interface ListenerState {
  readonly message: envoy_config_listener_v3_Listener;
  readonly owner: number | undefined;
  addresses: readonly Address[] | undefined;
}

/** The process from its loaded configuration to its exit, as admin and signals drive it. */
export class Server {
  readonly #config: LoadedConfig;
  readonly #pool: WorkerPool;
  readonly #process: Process;
  readonly #dispatcher: Dispatcher;
  readonly #stats = new StatsRoot();
  readonly store = new StatsStore();
  readonly serverStats: ServerStats;
  readonly runtime: Runtime;
  /** What main compiles: its clusters' types. */
  readonly #extensions = new Extensions([["cluster_type", CLUSTER_TYPES]]);
  readonly #context: CompileContext;
  readonly clusters: MainClusters;
  readonly #introduction: Introduction;
  readonly #listeners: readonly ListenerState[];
  readonly #levels: Map<LogComponent, LogLevel>;
  #door: AdminDoor | undefined;
  #admin: Promise<AdminServer> | undefined;
  #state: ServerState = "PRE_INITIALIZING";
  /** Why native handles do not work here, "" if they do. */
  #socketFailure = "";
  #isHealthCheckFailed = false;
  /** Workers that were told to bind. */
  readonly #boundWorkers = new Set<number>();
  #isAcceptAsked = false;
  readonly #acceptingWorkers = new Set<number>();
  readonly #drainedWorkers = new Set<number>();
  /** Faults of workers that `denvoy.worker_faults` has. */
  #countedFaults = 0;
  #isEnding = false;
  #isCompiled = false;
  #isUp = false;
  /** Drains that were asked for: a replacement does not listen where the others no longer do. */
  readonly #drains: ToWorker[] = [];
  #flushTimer: unknown;
  readonly #startMs = performance.now();
  readonly #ended = Promise.withResolvers<number>();
  readonly #compiled = Promise.withResolvers<void>();
  readonly #allBound = Promise.withResolvers<void>();
  readonly #allAccepting = Promise.withResolvers<void>();
  readonly #allDrained = Promise.withResolvers<void>();

  constructor(options: ServerOptions) {
    this.#config = options.config;
    this.#pool = options.pool;
    this.#process = options.process;
    this.#levels = new Map(options.process.logLevels);
    this.#dispatcher = new Dispatcher({ onError: (error) => this.#reportFault(error) });
    this.serverStats = new ServerStats(this.#stats.scope, options.pool.size);
    this.runtime = new Runtime(options.config.runtime.values());
    this.#introduction = options.introduction;
    this.#listeners = options.introduction.listeners.map((message) => ({
      message,
      owner: ownerOf(message),
      addresses: undefined,
    }));
    if (this.#listeners.length === 0) this.#allBound.resolve();
    this.#context = this.#makeContext();
    this.clusters = new MainClusters(this.#context, {
      threads: options.pool.size + 1,
      onUpdate: (updates) => this.#pool.broadcast({ type: "hosts", updates }),
      localCluster: localClusterOf(options.config),
      bindConfig: options.config.bootstrap.clusterManager?.upstreamBindConfig,
      resolverFields: options.config.bootstrap,
      outlierLogPath: options.config.bootstrap.clusterManager?.outlierDetection?.eventLogPath ?? "",
      onHealth: (update) => this.#pool.broadcast({ type: "health", update }),
      subscribe: makeSubscriber({
        decoder: options.config.decoder,
        run: (work) => this.#dispatcher.run(work),
        onFault: (error) => this.#reportFault(error),
      }),
      onText: (name, text) => this.store.texts.set(name, text),
      onDnsCache: (resource) => this.#pool.broadcast({ type: "dns_caches", resources: [resource] }),
      onDnsNews: (news, worker) => {
        const message: ToWorker = { type: "dns_news", news };
        if (worker === undefined) this.#pool.broadcast(message);
        else this.#pool.send(worker, message);
      },
    });
    this.store.addSource(() => this.clusters.endpointStats());
  }

  /**
   * Compiles the clusters while the workers, which were introduced, compile the listeners. @returns
   * once the first worker has told what is wrong; only then is a socket bound.
   */
  async prepare(): Promise<void> {
    this.#setUpStats();
    const clusters = this.#config.bootstrap.staticResources?.clusters ?? [];
    await Promise.all([loadPartsFor(clusters), this.#extensions.load(this.#config.typeNames)]);
    for (const cluster of clusters) this.clusters.add(cluster);
    for (const message of this.#clusterMessages()) this.#pool.broadcast(message);
    // While the workers compile, this thread finds out what their sockets may rely on.
    if (!isTestedDeno()) this.#socketFailure = await chooseSockets();
    this.#pool.broadcast({ type: "sockets", failure: this.#socketFailure });
    await this.#compiled.promise;
  }

  /** Runs until the process is told to end. @returns the exit code */
  async run(): Promise<number> {
    this.#process.onSignals({
      terminate: () => void this.shutDown(),
      terminateNow: () => this.#end(0),
      reopenLogs: () => this.reopenLogs(),
    });
    // Whatever start-up waits for, the process may be told to end meanwhile.
    this.#start().catch((error) => this.#ended.reject(error));
    return await this.#ended.promise;
  }

  async #start(): Promise<void> {
    const resolved = this.clusters.initialized(DNS_WAIT_MS);
    // Admin opens after the listeners do; where DNS is slow, it tells so meanwhile.
    const admin = setTimeout(() => {
      // What is wrong with it is told by the start itself, which opens it again.
      this.#openAdmin().catch(() => {});
    }, ADMIN_WAIT_MS);
    await resolved;
    if (this.#isEnding) return clearTimeout(admin);
    this.#setState("INITIALIZING");
    await this.#startListeners();
    clearTimeout(admin);
    if (this.#isEnding) return;
    this.#isUp = true;
    this.#setState("LIVE");
    await this.#openAdmin();
    this.#flushTimer = setInterval(() => void this.#flushStats(), this.#flushIntervalMs());
    setTimeout(() => collectGarbage(), SETTLE_MS);
    logger("main").info("all workers accept connections; starting main dispatch loop");
    if (isTestedDeno()) await this.#confirmSockets();
  }

  /** Handles that were relied on and do not work here after all: new workers serve without them. */
  async #confirmSockets(): Promise<void> {
    const failure = await confirmNativeHandles();
    if (failure === "" || this.#isEnding) return;
    this.#socketFailure = failure;
    useNativeHandles(false);
    this.#pool.replaceAll("native handles do not work here");
  }

  /** Hears of a worker. */
  onWorkerMessage(worker: number, message: FromWorker): void {
    switch (message.type) {
      case "compiled":
        replayProblems(
          message.problems,
          this.#introduction.listeners,
          this.#config.problemsFor(),
        );
        this.#isCompiled = true;
        return this.#compiled.resolve();
      case "listener_bound":
        return this.#onBound(message.index, message.addresses);
      case "listener_failed":
        return this.#onBindFailed(worker, message.index, message.error);
      case "accepting":
        this.#acceptingWorkers.add(worker);
        if (this.#acceptingWorkers.size === this.#pool.size) this.#allAccepting.resolve();
        return;
      case "host_event":
        return this.clusters.onHostEvent(message.event);
      case "connection_wanted":
        return this.#pool.broadcast({ type: "give_connection", wanted: message.wanted }, worker);
      case "dns_question":
        return this.clusters.onDnsQuestion(worker, message.question);
      case "drained":
        return this.#onDrained(worker);
      case "fault":
        return this.#reportFault(new Error(`worker ${worker}: ${message.error}`));
      default:
        return;
    }
  }

  /** A worker is lost: what it held is given back, its counters stay. */
  onWorkerLost(worker: number, isReplaced: boolean): void {
    this.store.retire(worker);
    this.clusters.releaseThread(worker);
    if (isReplaced) this.serverStats.count("denvoy.workers_replaced");
    else this.#onDrained(worker);
  }

  /** Only a new process gets rid of it: the others finish what they have, and the exit code is 1. */
  onWorkerStuck(worker: number): void {
    logger("main").fatal("worker {worker} cannot be ended; the process drains and ends", {
      worker,
    });
    void this.shutDown(1);
  }

  get state(): ServerState {
    return this.#isHealthCheckFailed && this.#state === "LIVE" ? "DRAINING" : this.#state;
  }

  get uptimeSeconds(): number {
    return (performance.now() - this.#startMs) / 1000;
  }

  get listeners(): readonly ListenerStatus[] {
    return this.#listeners.filter((listener) => listener.addresses !== undefined)
      .map(({ message, addresses }) => ({ name: message.name, addresses: addresses! }));
  }

  get logLevels(): ReadonlyMap<LogComponent, LogLevel> {
    return this.#levels;
  }

  setLogLevels(levels: ReadonlyMap<LogComponent, LogLevel>): void {
    for (const [component, level] of levels) this.#levels.set(component, level);
    configureLog({ ...this.#process.logOptions, levels: this.#levels, thread: "0" });
    this.#pool.broadcast({ type: "log_levels", levels: [...this.#levels] });
  }

  modifyRuntime(changes: ReadonlyMap<string, string>): string | undefined {
    const wrong = this.#config.runtime.modify(changes);
    if (wrong !== undefined) return wrong;
    const values = this.#config.runtime.values();
    this.runtime.replace(values);
    this.#pool.broadcast({ type: "runtime", values });
    this.#setRuntimeStats();
    return undefined;
  }

  failHealthCheck(failed: boolean): void {
    this.#isHealthCheckFailed = failed;
    this.#pool.broadcast({ type: "health_check_fail", failed });
  }

  drainListeners(options: { graceful: boolean; inboundOnly: boolean; skipExit: boolean }): void {
    const message: ToWorker = { type: "drain_listeners", ...options };
    this.#drains.push(message);
    this.#pool.broadcast(message);
  }

  reopenLogs(): void {
    this.clusters.reopenLogs();
    this.#pool.broadcast({ type: "reopen_logs" });
  }

  /** Stats of all threads as of now; histograms show what was there at the last flush. */
  async collectStats(): Promise<void> {
    const own = this.#stats.takeUpdate();
    if (own !== undefined) this.store.absorb(0, own);
    await this.#pool.collectStats((worker, update) => this.store.absorb(worker, update));
    if (this.#config.bootstrap.statsFlush.case === "statsFlushOnAdmin") this.store.flush();
  }

  async #flushStats(): Promise<void> {
    await this.collectStats();
    this.store.flush();
  }

  /** Gauges that are computed when asked for. */
  refreshServerStats(): void {
    const memory = process.memoryUsage();
    this.clusters.refreshGauges();
    this.serverStats.set("server.uptime", Math.floor(this.uptimeSeconds));
    this.serverStats.set("server.memory_allocated", memory.heapUsed);
    this.serverStats.set("server.memory_heap_size", memory.heapTotal);
    this.serverStats.set("server.memory_physical_size", memory.rss);
    this.serverStats.set("server.state", STATE_NUMBERS[this.state]);
    this.serverStats.set("server.live", this.state === "LIVE" ? 1 : 0);
    let connections = 0;
    let faults = 0;
    for (let worker = 1; worker <= this.#pool.size; worker++) {
      const beat = this.#pool.beat(worker);
      connections += beat.connections;
      faults += beat.faults;
    }
    this.serverStats.set("server.total_connections", connections);
    this.serverStats.count("denvoy.worker_faults", faults - this.#countedFaults);
    this.#countedFaults = faults;
  }

  /** SIGTERM, /quitquitquit: stop accepting, drain up to the drain time, exit. */
  async shutDown(code = 0): Promise<void> {
    if (this.#isEnding) return this.#end(code);
    this.#isEnding = true;
    this.#setState("DRAINING");
    logger("main").info("shutting down: draining connections");
    this.#pool.stopReplacing();
    this.#pool.broadcast({ type: "drain" });
    const limit = setTimeout(() => this.#allDrained.resolve(), this.#process.drainTimeMs + 500);
    await this.#allDrained.promise;
    clearTimeout(limit);
    this.#end(code);
  }

  #end(code: number): void {
    this.#isEnding = true;
    void this.#close().finally(() => this.#ended.resolve(code));
  }

  /** Lets go of all that would keep the process alive. */
  async #close(): Promise<void> {
    clearInterval(this.#flushTimer as number);
    this.clusters.close();
    this.#door?.close();
    try {
      (await this.#admin)?.close();
    } catch {
      // It did not start, and whoever started it has heard so.
    }
    this.#dispatcher.timers.stop();
  }

  /** Binds the admin's address; what answers there loads with the first client. */
  async #openAdmin(): Promise<void> {
    const message = this.#config.bootstrap.admin?.address;
    if (message === undefined || this.#door !== undefined) return;
    const address = doorAddress(message);
    if (address === undefined) return await this.#startAdmin();
    try {
      this.#door = new AdminDoor(address, {
        dispatcher: this.#dispatcher,
        onKnock: () => void this.#startAdmin().catch((error) => this.#reportFault(error)),
      });
    } catch (error) {
      throw error instanceof ListenError ? new Error(`admin: ${error.message}`) : error;
    }
    const path = this.#process.adminAddressPath;
    if (path !== undefined) writeAdminAddress(path, this.#door.address);
  }

  async #startAdmin(): Promise<void> {
    this.#admin ??= import("./admin_server.ts").then(({ AdminServer }) =>
      AdminServer.start(this, this.#adminParts(), this.#door)
    );
    (await this.#admin).startAccepting();
  }

  async #startListeners(): Promise<void> {
    // The first worker binds; where it had to find a port, the others take that one.
    this.#bind(1);
    await this.#allBound.promise;
    for (let worker = 2; worker <= this.#pool.size; worker++) this.#bind(worker);
    const count = this.#listeners.length;
    this.serverStats.set("listener_manager.total_listeners_active", count);
    this.serverStats.count("listener_manager.listener_added", count);
    this.#isAcceptAsked = true;
    this.#pool.broadcast({ type: "accept" });
    await this.#allAccepting.promise;
    this.serverStats.set("listener_manager.workers_started", 1);
    this.serverStats.count(
      "listener_manager.listener_create_success",
      count * this.#pool.size,
    );
  }

  #bind(worker: number): void {
    this.#boundWorkers.add(worker);
    this.#pool.send(worker, { type: "bind", bindings: this.#bindings() });
  }

  #onDrained(worker: number): void {
    this.#drainedWorkers.add(worker);
    if (this.#drainedWorkers.size === this.#pool.size) this.#allDrained.resolve();
  }

  #onBound(index: number, addresses: readonly Address[]): void {
    this.#listeners[index]!.addresses ??= addresses;
    if (this.#listeners.every((listener) => listener.addresses !== undefined)) {
      this.#allBound.resolve();
    }
  }

  /** Ends a start; a replaced worker, whose place another process may have taken, tries again. */
  #onBindFailed(worker: number, index: number, error: string): void {
    const { name } = this.#listeners[index]!.message;
    this.serverStats.count("listener_manager.listener_create_failure");
    if (this.#isUp) {
      logger("main").error("listener '{name}': {error}", { name, error });
      const bindings = this.#bindings().filter((binding) => binding.index === index);
      setTimeout(() => {
        if (!this.#isEnding) this.#pool.send(worker, { type: "bind", bindings });
      }, BIND_AGAIN_MS);
      return;
    }
    this.#process.complain(`listener '${name}': ${error}`);
    this.#end(1);
  }

  #bindings(): ListenerBinding[] {
    return this.#listeners.map(({ owner, addresses }, index) => ({
      index,
      ports: addresses?.map((address) => address.kind === "ip" ? address.port : 0),
      owner,
    }));
  }

  /** What a replacement hears: the state as it is now, which may be that of a start under way. */
  replay(worker: number): ToWorker[] {
    const messages: ToWorker[] = [
      { type: "log_levels", levels: [...this.#levels] },
      ...this.#introduction.messages(worker === 1 && !this.#isCompiled),
      { type: "dns_caches", resources: this.clusters.dnsCaches() },
      ...this.#clusterMessages(),
      { type: "health_check_fail", failed: this.#isHealthCheckFailed },
    ];
    if (this.#boundWorkers.has(worker)) {
      messages.push(
        { type: "sockets", failure: this.#socketFailure },
        { type: "bind", bindings: this.#bindings() },
        ...this.#drains,
      );
    }
    if (this.#isAcceptAsked) messages.push({ type: "accept" });
    return messages;
  }

  #clusterMessages(): ToWorker[] {
    const messages: ToWorker[] = [];
    const resources = this.clusters.resources();
    for (let at = 0; at < resources.length; at += CLUSTERS_PER_MESSAGE) {
      messages.push({
        type: "clusters",
        resources: resources.slice(at, at + CLUSTERS_PER_MESSAGE),
      });
    }
    return messages;
  }

  #makeContext(): CompileContext {
    const secrets = new ThreadSecrets();
    secrets.addStatic(this.#config.bootstrap.staticResources?.secrets ?? []);
    const services = new Map<string, unknown>([[SECRET_STORE, secrets]]);
    return compileContext({
      problems: this.#config.problemsFor(),
      dispatcher: this.#dispatcher,
      scope: this.#stats.scope,
      runtime: this.runtime,
      server: this.#config.facts,
      extensions: this.#extensions,
      worker: 0,
      isCheckOnly: false,
      services,
    });
  }

  #adminParts(): AdminParts {
    return {
      config: this.#config,
      process: this.#process,
      dispatcher: this.#dispatcher,
      stats: this.#stats,
    };
  }

  #setUpStats(): void {
    const stats = this.serverStats;
    stats.set("server.concurrency", this.#pool.size);
    stats.set("server.compilation_settings.fips_mode", 0);
    stats.set("cluster_manager.warming_clusters", 0);
    stats.set("listener_manager.total_listeners_warming", 0);
    stats.set("listener_manager.total_listeners_draining", 0);
    stats.set("listener_manager.total_filter_chains_draining", 0);
    const clusters = this.#config.bootstrap.staticResources?.clusters.length ?? 0;
    stats.set("cluster_manager.active_clusters", clusters);
    stats.count("cluster_manager.cluster_added", clusters);
    stats.count("runtime.load_success");
    this.#setRuntimeStats();
  }

  #setRuntimeStats(): void {
    const { runtime } = this.#config;
    this.serverStats.set("runtime.num_keys", runtime.values().size);
    this.serverStats.set("runtime.num_layers", runtime.layers().length);
  }

  #setState(state: ServerState): void {
    this.#state = state;
    this.serverStats.set("server.state", STATE_NUMBERS[state]);
  }

  #flushIntervalMs(): number {
    const interval = this.#config.bootstrap.statsFlush;
    const duration = this.#config.bootstrap.statsFlushInterval;
    if (interval.case !== undefined || duration === undefined) return 5000;
    return Math.max(1, durationMs(duration));
  }

  #reportFault(error: unknown): void {
    this.serverStats?.count("denvoy.worker_faults");
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    logger("main").error("exception on main: {text}", { text });
  }
}

/** Unix sockets and listeners without SO_REUSEPORT belong to one worker. */
function ownerOf(message: envoy_config_listener_v3_Listener): number | undefined {
  const isPipe = message.address?.address.case === "pipe";
  return isPipe || message.enableReusePort === false ? 1 : undefined;
}

/** `--admin-address-path`: where the admin listens, for scripts. */
export function writeAdminAddress(path: string, address: Address): void {
  Deno.writeTextFileSync(path, formatAddress(address));
}
