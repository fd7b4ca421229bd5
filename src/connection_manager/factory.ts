/** `envoy.filters.network.http_connection_manager`: the row that the registry loads. */

import type { NetworkFilterFactory } from "../filter_chain/mod.ts";
import type {
  envoy_extensions_filters_network_http_connection_manager_v3_HttpConnectionManager as Message,
} from "../proto/mod.ts";
import { compileManager, type ManagerConfig } from "./config.ts";
import { ManagedConnection } from "./connection.ts";

export const httpConnectionManagerFactory: NetworkFilterFactory<ManagerConfig> = {
  name: "envoy.filters.network.http_connection_manager",
  type: "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
  isTerminal: true,
  compile: (message, context, listener) => compileManager(message as Message, context, listener),
  create: (config, callbacks) => new ManagedConnection(config, callbacks),
};
