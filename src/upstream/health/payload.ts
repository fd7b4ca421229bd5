/** Bytes that checks send and look for. */

import { Buffer } from "node:buffer";
import type { envoy_config_core_v3_HealthCheck_Payload } from "../../proto/mod.ts";

type Payload = envoy_config_core_v3_HealthCheck_Payload;

/** The bytes of a payload: its text is hexadecimal. */
export function payloadBytes(message: Payload | undefined): Uint8Array {
  const payload = message?.payload;
  if (payload?.case === "text") return new Uint8Array(Buffer.from(payload.value, "hex"));
  return payload?.case === "binary" ? payload.value : new Uint8Array(0);
}

/** Whether `data` has all the parts in their order, whatever stands between them. */
export function hasParts(data: Uint8Array, parts: readonly Uint8Array[]): boolean {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  let from = 0;
  for (const part of parts) {
    const at = buffer.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return true;
}

/** Bytes gathered up to a limit; what is beyond is dropped. */
export class Gathered {
  #bytes = new Uint8Array(0);
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  add(bytes: Uint8Array): void {
    const taken = Math.min(bytes.length, this.#limit - this.#bytes.length);
    if (taken <= 0) return;
    const joined = new Uint8Array(this.#bytes.length + taken);
    joined.set(this.#bytes);
    joined.set(bytes.subarray(0, taken), this.#bytes.length);
    this.#bytes = joined;
  }

  clear(): void {
    this.#bytes = new Uint8Array(0);
  }
}
