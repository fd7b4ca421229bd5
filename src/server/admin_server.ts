/**
 * Admin on its own address: a listener on the main thread with a connection manager whose terminal
 * filter is admin, so that framing, limits and `http.admin.*` stats are those of any listener.
 */

import process from "node:process";
import { AccessLogManager } from "../access_log/mod.ts";
import {
  ADMIN_ENDPOINTS,
  ADMIN_FILTER_TYPE,
  adminFilterFactory,
  type AdminHost,
  AdminRouter,
  type Json,
} from "../admin/mod.ts";
import { type Address, type Dispatcher, THROWING_PROBLEMS } from "../base/mod.ts";
import { compileListener, ListenerManager } from "../listener/mod.ts";
import type { envoy_config_listener_v3_Listener } from "../proto/mod.ts";
import { Runtime } from "../runtime/mod.ts";
import type { StatsRoot } from "../stats/mod.ts";
import type { AdminDoor } from "./admin_door.ts";
import { certificateStatuses, collectCertificates, daysUntilFirstExpiry } from "./certificates.ts";
import { compileContext } from "./compile_context.ts";
import { configDumpSections } from "./config_dump.ts";
import { endpointDump } from "./endpoint_dump.ts";
import { Extensions } from "./extensions.ts";
import { REGISTRIES } from "./registries.ts";
import type { LoadedConfig } from "./load.ts";
import type { Process } from "./process.ts";
import { type Server, writeAdminAddress } from "./server.ts";

const HCM_TYPE =
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const LISTENER_TYPE = "envoy.config.listener.v3.Listener";
/** Envoy's admin listener: no server header games, no limits but the defaults. */
const LISTENER_TEXT = `
name: admin
stat_prefix: admin
enable_reuse_port: false
filter_chains:
- filters:
  - name: envoy.filters.network.http_connection_manager
    typed_config:
      "@type": type.googleapis.com/${HCM_TYPE}
      stat_prefix: admin
      use_remote_address: true
      route_config: { name: admin, virtual_hosts: [] }
`;

export interface AdminParts {
  readonly config: LoadedConfig;
  readonly process: Process;
  readonly dispatcher: Dispatcher;
  readonly stats: StatsRoot;
}

/** The running admin. */
export class AdminServer {
  readonly #listeners: ListenerManager;

  private constructor(listeners: ListenerManager) {
    this.#listeners = listeners;
  }

  /** @param door the socket, where it was bound before */
  static async start(
    server: Server,
    parts: AdminParts,
    door: AdminDoor | undefined,
  ): Promise<AdminServer> {
    const address = parts.config.bootstrap.admin!.address!;
    const extensions = new Extensions(REGISTRIES);
    await extensions.load([HCM_TYPE]);
    const router = new AdminRouter(ADMIN_ENDPOINTS, adminHost(server, parts));
    extensions.put("http_filter", ADMIN_FILTER_TYPE, adminFilterFactory(router));
    const context = compileContext({
      problems: THROWING_PROBLEMS,
      dispatcher: parts.dispatcher,
      scope: parts.stats.scope,
      runtime: new Runtime(),
      server: parts.config.facts,
      extensions,
      worker: 0,
      isCheckOnly: false,
      services: new Map<string, unknown>([
        ["cluster_manager", { get: () => undefined }],
        ["server_health", { isFailed: () => false }],
        [
          "access_log_manager",
          new AccessLogManager(parts.dispatcher, {
            flushIntervalMs: parts.process.fileFlushIntervalMs,
            scope: parts.stats.scope,
          }),
        ],
      ]),
    });
    const listeners = new ListenerManager(context);
    const compiled = compileListener(adminListener(parts, address), context);
    if (door !== undefined) {
      listeners.adopt(compiled, (accept) => door.handOver(accept));
      return new AdminServer(listeners);
    }
    const bound = listeners.add(compiled, { ports: undefined, isOwner: true });
    if (typeof bound === "string") throw new Error(`admin: ${bound}`);
    const path = parts.process.adminAddressPath;
    if (path !== undefined) writeAdminAddress(path, bound[0] as Address);
    return new AdminServer(listeners);
  }

  /** Answers from now on; who connected before has waited in the socket's queue. */
  startAccepting(): void {
    if (!this.#listeners.isAccepting) this.#listeners.startAccepting();
  }

  close(): void {
    this.#listeners.closeAll();
  }
}

/** The admin listener's message: decoded from text, then given the filter that users cannot name. */
function adminListener(parts: AdminParts, address: object): envoy_config_listener_v3_Listener {
  const decoded = parts.config.decoder.decode(
    [{ text: LISTENER_TEXT, file: "admin", format: "yaml" }],
    LISTENER_TYPE,
  );
  const listener = decoded.message as unknown as {
    address: object;
    filterChains: { filters: { configType: { value: { httpFilters: object[] } } }[] }[];
  };
  listener.address = address;
  const manager = listener.filterChains[0]!.filters[0]!.configType.value;
  manager.httpFilters = [{
    $typeName: "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
    name: "denvoy.filters.http.admin",
    configType: { case: "typedConfig", value: { $typeName: ADMIN_FILTER_TYPE } },
    isOptional: false,
    disabled: false,
  }];
  return listener as unknown as envoy_config_listener_v3_Listener;
}

/** What admin may see and do, over the server's own parts. */
function adminHost(server: Server, parts: AdminParts): AdminHost {
  const { config } = parts;
  const certificates = collectCertificates(config.bootstrap.staticResources);
  return {
    store: server.store,
    state: () => server.state,
    collectStats: () => server.collectStats(),
    refreshServerStats: () => {
      const days = daysUntilFirstExpiry(certificates, Date.now());
      server.serverStats.set("server.days_until_first_cert_expiring", days ?? 2 ** 32 - 1);
      server.refreshServerStats();
    },
    listeners: () => server.listeners,
    clusters: () => Promise.resolve(server.clusters.snapshot()),
    configDump: configDumpSections(config.bootstrap, {
      dumper: config.dumper,
      loadedAt: new Date(),
      endpoints: () => endpointDump(server.clusters.snapshot()),
    }),
    serverInfo: () => ({
      version: `${config.facts.version}/denvoy/Envoy-1.40`,
      node: nodeJson(config),
      command_line_options: parts.process.commandLine,
    }),
    uptimeSeconds: () => server.uptimeSeconds,
    certificates: () => certificateStatuses(certificates, Date.now()),
    runtimeLayers: () => config.runtime.layers(),
    modifyRuntime: (changes) => server.modifyRuntime(changes),
    logLevels: () => server.logLevels,
    setLogLevels: (levels) => server.setLogLevels(levels),
    reopenLogs: () => server.reopenLogs(),
    failHealthCheck: (failed) => server.failHealthCheck(failed),
    drainListeners: (options) => server.drainListeners(options),
    quit: () => void server.shutDown(),
    memory: () => {
      const memory = process.memoryUsage();
      return {
        allocated: memory.heapUsed,
        heapSize: memory.heapTotal,
        pageheapFree: memory.heapTotal - memory.heapUsed,
        pageheapUnmapped: 0,
        threadCache: memory.external,
        physical: memory.rss,
      };
    },
  };
}

function nodeJson(config: LoadedConfig): Json {
  const { node } = config.bootstrap;
  const locality = node?.locality;
  return {
    id: config.facts.nodeId,
    cluster: config.facts.nodeCluster,
    ...(locality === undefined ? {} : {
      locality: { region: locality.region, zone: locality.zone, sub_zone: locality.subZone },
    }),
    user_agent_name: "denvoy",
  };
}
