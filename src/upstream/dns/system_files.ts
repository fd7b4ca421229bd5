/** /etc/hosts and /etc/resolv.conf, read as c-ares reads them. */

import { ipVersion } from "../../matching/mod.ts";
import type { Address } from "../../base/mod.ts";

/** Addresses by lower-case name. */
export type HostsTable = ReadonlyMap<string, readonly string[]>;

export interface ResolvConf {
  readonly servers: readonly Address[];
  readonly search: readonly string[];
  /** Names with at least this many dots are tried as they are first. */
  readonly ndots: number;
  readonly timeoutMs: number;
  readonly attempts: number;
}

const MAX_SEARCH = 6;

/**
 * The addresses of /etc/hosts in the order of its lines; lines without an IP address are passed
 * over.
 */
export function parseHosts(text: string): HostsTable {
  const table = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (address === undefined || ipVersion(address) === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const known = table.get(key);
      if (known === undefined) table.set(key, [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return table;
}

/**
 * Servers, search list and options of resolv.conf(5); timeouts in milliseconds, unknown lines
 * passed over.
 */
export function parseResolvConf(text: string): ResolvConf {
  const servers: Address[] = [];
  let search: string[] = [];
  let ndots = 1;
  let timeoutMs = 5000;
  let attempts = 3;
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.replace(/[#;].*/, "").trim().split(/\s+/);
    if (keyword === "nameserver" && values[0] !== undefined) {
      const host = values[0].replace(/%.*/, "");
      if (ipVersion(host) !== 0) servers.push({ kind: "ip", host, port: 53 });
    } else if (keyword === "search" || keyword === "domain") {
      search = values.slice(0, MAX_SEARCH);
    } else if (keyword === "options") {
      for (const option of values) {
        const [name, value] = option.split(":");
        const number = Number(value);
        if (!Number.isInteger(number) || number < 0) continue;
        if (name === "ndots") ndots = Math.min(number, 15);
        if (name === "timeout" && number > 0) timeoutMs = Math.min(number, 30) * 1000;
        if (name === "attempts" && number > 0) attempts = Math.min(number, 5);
      }
    }
  }
  return { servers, search, ndots, timeoutMs, attempts };
}

/** The names to ask for in turn: search domains are tried after names with enough dots, else before. */
export function searchNames(name: string, conf: ResolvConf): string[] {
  if (name.endsWith(".")) return [name];
  const searched = conf.search.filter((domain) => domain !== ".")
    .map((domain) => `${name}.${domain}`);
  const dots = name.split(".").length - 1;
  return dots >= conf.ndots ? [name, ...searched] : [...searched, name];
}
