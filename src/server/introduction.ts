/**
 * What workers hear first, straight from the loaded configuration: who they are and what to compile.
 * It needs none of main's rooms, so that workers compile while main still loads those.
 */

import type { envoy_config_listener_v3_Listener } from "../proto/mod.ts";
import type { LoadedConfig } from "./load.ts";
import type { ToWorker, WorkerInit } from "./messages.ts";
import type { Process } from "./process.ts";

/** The facts and the first messages for each worker; also what a replacement hears first. */
export class Introduction {
  /** As they run: of several with one name the last counts, a nameless one gets a name. */
  readonly listeners: readonly envoy_config_listener_v3_Listener[];
  readonly #config: LoadedConfig;
  readonly #process: Process;
  readonly #workers: { readonly size: number; readonly beats: SharedArrayBuffer };

  constructor(
    config: LoadedConfig,
    process: Process,
    workers: { readonly size: number; readonly beats: SharedArrayBuffer },
  ) {
    this.#config = config;
    this.#process = process;
    this.#workers = workers;
    this.listeners = listenersOf(config);
  }

  init(worker: number): WorkerInit {
    const { facts } = this.#config;
    const { logLevels, logOptions } = this.#process;
    return {
      index: worker,
      concurrency: this.#workers.size,
      beats: this.#workers.beats,
      drainTimeMs: this.#process.drainTimeMs,
      drainsAtOnce: this.#process.drainsAtOnce,
      fileFlushIntervalMs: this.#process.fileFlushIntervalMs,
      logLevels: [...logLevels],
      logFormat: logOptions.format,
      logPath: logOptions.path,
      node: {
        id: facts.nodeId,
        cluster: facts.nodeCluster,
        locality: facts.locality,
        metadata: facts.nodeMetadata,
      },
      localCluster: localClusterOf(this.#config),
      bindConfig: this.#config.bootstrap.clusterManager?.upstreamBindConfig,
      hostname: facts.hostname,
      version: facts.version,
    };
  }

  /** @param reports whether the worker tells what is wrong; one does for all */
  messages(reports: boolean): ToWorker[] {
    return [
      { type: "runtime", values: this.#config.runtime.values() },
      { type: "extensions", typeNames: this.#config.typeNames },
      { type: "secrets", secrets: this.#config.bootstrap.staticResources?.secrets ?? [] },
      { type: "compile_listeners", messages: this.listeners, reports },
    ];
  }
}

function listenersOf(config: LoadedConfig): envoy_config_listener_v3_Listener[] {
  const byName = new Map<string, envoy_config_listener_v3_Listener>();
  for (const listener of config.bootstrap.staticResources?.listeners ?? []) {
    if (listener.name === "") (listener as { name: string }).name = crypto.randomUUID();
    byName.set(listener.name, listener);
  }
  return [...byName.values()];
}

/** `cluster_manager.local_cluster_name`, "" if there is none. */
export function localClusterOf({ bootstrap }: LoadedConfig): string {
  return bootstrap.clusterManager?.localClusterName ?? "";
}
