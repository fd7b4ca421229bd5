/** Event logs of health checks and ejections: JSON lines that main appends as they happen. */

import { type Address, logger } from "../base/mod.ts";

/** A file of JSON lines; opened with its first line, and told once where that fails. */
export class EventFile {
  readonly #path: string;
  #file: Deno.FsFile | undefined;
  #hasFailed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Events are rare: each is written at once, whole. */
  write(event: object): void {
    try {
      this.#file ??= Deno.openSync(this.#path, { append: true, create: true });
      this.#file.writeSync(new TextEncoder().encode(`${JSON.stringify(event)}\n`));
    } catch (error) {
      if (!this.#hasFailed) {
        const text = error instanceof Error ? error.message : String(error);
        logger("upstream").warn("event log '{path}': {text}", { path: this.#path, text });
      }
      this.#hasFailed = true;
    }
  }

  /** The next line opens the path anew, after it was rotated. */
  reopen(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#hasFailed = false;
  }
}

/** `timestamp` of an event. */
export function eventTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

/** An address as protobuf's JSON prints envoy.config.core.v3.Address with all its fields. */
export function eventAddress(address: Address): object {
  if (address.kind === "pipe") return { pipe: { path: address.path, mode: 0 } };
  if (address.kind === "internal") {
    const { name, endpointId } = address;
    return { envoy_internal_address: { server_listener_name: name, endpoint_id: endpointId } };
  }
  return {
    socket_address: {
      protocol: "TCP",
      address: address.host,
      port_value: address.port,
      resolver_name: "",
      ipv4_compat: false,
      network_namespace_filepath: "",
    },
  };
}
