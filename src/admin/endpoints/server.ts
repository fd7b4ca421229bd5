/** /server_info, /memory, /certs, /listeners, /hot_restart_version, /init_dump, /contention. */

import { type Address, formatAddress } from "../../base/mod.ts";
import { type AdminEndpoint, JSON_TYPE, ok } from "../endpoint.ts";
import type { Json } from "../host.ts";
import { pretty } from "../json.ts";

/** Envoy's number, so that tools that compare it find what they know; denvoy has no hot restart. */
const HOT_RESTART_VERSION = "11.104";

export const serverInfo: AdminEndpoint = {
  path: "/server_info",
  help: "print server version/status information",
  mutates: false,
  handle(_request, host) {
    const uptime = `${Math.floor(host.uptimeSeconds())}s`;
    const { version, node, command_line_options } = host.serverInfo();
    return ok(
      pretty({
        version,
        state: host.state(),
        uptime_current_epoch: uptime,
        uptime_all_epochs: uptime,
        hot_restart_version: HOT_RESTART_VERSION,
        command_line_options,
        node,
        hot_restart_initializing: false,
      }),
      JSON_TYPE,
    );
  },
};

export const memory: AdminEndpoint = {
  path: "/memory",
  help: "print current allocation/heap usage",
  mutates: false,
  handle(_request, host) {
    const memory = host.memory();
    return ok(
      pretty({
        allocated: String(memory.allocated),
        heap_size: String(memory.heapSize),
        pageheap_unmapped: String(memory.pageheapUnmapped),
        pageheap_free: String(memory.pageheapFree),
        total_thread_cache: String(memory.threadCache),
        total_physical_bytes: String(memory.physical),
      }),
      JSON_TYPE,
    );
  },
};

export const certs: AdminEndpoint = {
  path: "/certs",
  help: "print certs on machine",
  mutates: false,
  handle(_request, host) {
    const certificates = host.certificates().map((certificate): Json => ({
      ca_cert: certificate.caCertificates,
      cert_chain: certificate.certChain,
    }));
    return ok(pretty({ certificates }), JSON_TYPE);
  },
};

export const hotRestartVersion: AdminEndpoint = {
  path: "/hot_restart_version",
  help: "print the hot restart compatibility version",
  mutates: false,
  handle: () => ok(`${HOT_RESTART_VERSION}\n`),
};

export const initDump: AdminEndpoint = {
  path: "/init_dump",
  help: "dump current Envoy init manager information (experimental)",
  mutates: false,
  params: [
    "mask: The desired component to dump unready targets. The mask is parsed as a Protobuf::FieldMask. For example, get the unready targets of all listeners with /init_dump?mask=listener`",
  ],
  handle: () => ok("{}\n", JSON_TYPE),
};

export const contention: AdminEndpoint = {
  path: "/contention",
  help: "dump current Envoy mutex contention stats (if enabled)",
  mutates: false,
  handle: () =>
    ok(
      "Mutex contention tracing is not enabled. To enable, run Envoy with flag --enable-mutex-tracing.",
    ),
};

export const listeners: AdminEndpoint = {
  path: "/listeners",
  help: "print listener info",
  mutates: false,
  params: ["format: File format to use; One of (text, json)"],
  handle(request, host) {
    const statuses = host.listeners();
    if (request.query.get("format") === "json") {
      const listener_statuses = statuses.map(({ name, addresses }): Json => ({
        name,
        local_address: addressJson(addresses[0]!),
        ...(addresses.length > 1
          ? { additional_local_addresses: addresses.slice(1).map(addressJson) }
          : {}),
      }));
      return ok(pretty({ listener_statuses }), JSON_TYPE);
    }
    return ok(
      statuses.map(({ name, addresses }) =>
        addresses.map((address) => `${name}::${formatAddress(address)}\n`).join("")
      ).join(""),
    );
  },
};

/** An address as envoy.config.core.v3.Address prints it. */
export function addressJson(address: Address): Json {
  switch (address.kind) {
    case "ip":
      return { socket_address: { address: address.host, port_value: address.port } };
    case "pipe":
      return { pipe: { path: address.path } };
    case "internal":
      return {
        envoy_internal_address: {
          server_listener_name: address.name,
          endpoint_id: address.endpointId,
        },
      };
  }
}
