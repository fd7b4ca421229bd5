/**
 * `--mode validate`: compiles the messages on this thread only to hear what is wrong with them,
 * exactly as a worker would compile them to serve.
 */

import { AccessLogManager } from "../access_log/mod.ts";
import { Dispatcher } from "../base/mod.ts";
import { compileListener } from "../listener/mod.ts";
import { SECRET_STORE, ThreadSecrets } from "../net/mod.ts";
import { Runtime } from "../runtime/mod.ts";
import { StatsRoot } from "../stats/mod.ts";
import { compileCluster, loadPartsFor } from "../upstream/main_mod.ts";
import { compileContext } from "./compile_context.ts";
import { Extensions } from "./extensions.ts";
import { REGISTRIES } from "./registries.ts";
import type { LoadedConfig } from "./load.ts";

/** Reports to the configuration's own sink. */
export async function checkByCompiling(config: LoadedConfig): Promise<void> {
  const extensions = new Extensions(REGISTRIES);
  await extensions.load(config.typeNames);
  const dispatcher = new Dispatcher();
  const { scope } = new StatsRoot();
  const { staticResources } = config.bootstrap;
  const secrets = new ThreadSecrets();
  secrets.addStatic(staticResources?.secrets ?? []);
  const services = new Map<string, unknown>([
    [SECRET_STORE, secrets],
    ["cluster_manager", { get: () => undefined }],
    ["server_health", { isFailed: () => false }],
    ["dns_caches", { declare() {}, get: () => undefined }],
    ["access_log_manager", new AccessLogManager(dispatcher, { flushIntervalMs: 1e9, scope })],
  ]);
  const context = compileContext({
    problems: config.problemsFor(),
    dispatcher,
    scope,
    runtime: new Runtime(config.runtime.values()),
    server: config.facts,
    extensions,
    worker: 0,
    isCheckOnly: true,
    services,
  });
  await loadPartsFor(staticResources?.clusters ?? []);
  for (const cluster of staticResources?.clusters ?? []) compileCluster(cluster, context);
  for (const listener of staticResources?.listeners ?? []) compileListener(listener, context);
  dispatcher.timers.stop();
}
