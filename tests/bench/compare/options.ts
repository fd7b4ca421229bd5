/** Flags of the comparison. */

import { parseArgs } from "node:util";

/** The proxies denvoy can be measured beside. */
export type Peer = "envoy" | "nginx";

export interface CompareOptions {
  /** Names of scenarios; empty for all. */
  readonly only: readonly string[];
  /** Measured runs per scenario and proxy; the median counts. */
  readonly rounds: number;
  /** Seconds of load per run. */
  readonly secs: number;
  /** Undefined: Envoy where installed, else nginx. */
  readonly peer: Peer | undefined;
  /** Where the figures are written as JSON. */
  readonly jsonPath: string | undefined;
}

export const USAGE =
  `deno task bench [--only NAME,…] [--rounds 3] [--secs 3] [--vs envoy|nginx] [--json FILE]`;
const MAX_ROUNDS = 20;
const MAX_SECS = 60;

/** Reads the flags. @returns a text that says what is wrong with them */
export function parseOptions(args: readonly string[]): CompareOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string", default: "" },
        rounds: { type: "string", default: "3" },
        secs: { type: "string", default: "3" },
        vs: { type: "string" },
        json: { type: "string" },
      },
    });
    const peer = values.vs;
    if (peer !== undefined && peer !== "envoy" && peer !== "nginx") {
      return `--vs is envoy or nginx, not "${peer}"`;
    }
    return {
      only: values.only.split(",").filter((name) => name !== ""),
      rounds: bounded("rounds", values.rounds, MAX_ROUNDS),
      secs: bounded("secs", values.secs, MAX_SECS),
      peer,
      jsonPath: values.json,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function bounded(name: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new RangeError(`--${name} is a whole number from 1 to ${most}, not "${text}"`);
}
