/** The resolver that serves: IP literals, /etc/hosts, `localhost` (RFC 6761 §6.3), then the servers. */

import { ipVersion } from "../../matching/mod.ts";
import type { Dispatcher } from "../../base/mod.ts";
import type { LookupFamily, ResolverOptions } from "../main/discovery.ts";
import { DnsClient, type DnsTransport } from "./client.ts";
import {
  type DnsAnswer,
  type DnsQuery,
  type DnsResolver,
  type FamilyLookup,
  type IpFamily,
  resolveFamilies,
} from "./resolver.ts";
import { type HostsTable, parseHosts, parseResolvConf, type ResolvConf } from "./system_files.ts";

/** Reads the system's files; a missing one is an empty one. Tests hand in their own. */
export interface SystemFiles {
  readHosts(): string;
  readResolvConf(): string;
}

export const SYSTEM_FILES: SystemFiles = {
  readHosts: () => readOrEmpty("/etc/hosts"),
  readResolvConf: () => readOrEmpty("/etc/resolv.conf"),
};

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** Names of /etc/hosts do not age; their clusters look again at the usual rate. */
const HOSTS_TTL_MS = 0;
const LOOPBACK: Readonly<Record<IpFamily, string>> = { 4: "127.0.0.1", 6: "::1" };

export interface SystemResolverOptions {
  readonly dispatcher: Dispatcher;
  readonly options: ResolverOptions;
  readonly files?: SystemFiles;
  readonly udp?: DnsTransport;
  readonly tcp?: DnsTransport;
}

/** Resolves names by the files of the system and the servers that they or the options name. */
export class SystemResolver implements DnsResolver, FamilyLookup {
  readonly #dispatcher: Dispatcher;
  readonly #files: SystemFiles;
  readonly #client: DnsClient;
  readonly #queries = new Set<DnsQuery>();
  #hostsText = "";
  #hosts: HostsTable = new Map();

  constructor({ dispatcher, options, files = SYSTEM_FILES, udp, tcp }: SystemResolverOptions) {
    this.#dispatcher = dispatcher;
    this.#files = files;
    this.#client = new DnsClient({
      dispatcher,
      conf: confOf(options, parseResolvConf(files.readResolvConf())),
      usesTcp: options.usesTcp,
      ...(udp === undefined ? {} : { udp }),
      ...(tcp === undefined ? {} : { tcp }),
    });
  }

  resolve(name: string, family: LookupFamily, onAnswer: (answer: DnsAnswer) => void): DnsQuery {
    const query = resolveFamilies(this, { name, family }, (answer) => {
      this.#queries.delete(query);
      onAnswer(answer);
    });
    this.#queries.add(query);
    return query;
  }

  close(): void {
    for (const query of this.#queries) query.cancel();
    this.#queries.clear();
  }

  lookup(name: string, family: IpFamily, onAnswer: (answer: DnsAnswer) => void): DnsQuery {
    const known = this.#lookupLocally(name, family);
    if (known === undefined) return this.#client.lookup(name, family, onAnswer);
    let isCancelled = false;
    this.#dispatcher.defer(() => {
      if (isCancelled) return;
      const addresses = known.map((host) => ({ host, ttlMs: HOSTS_TTL_MS }));
      onAnswer({ status: "completed", addresses });
    });
    return {
      cancel() {
        isCancelled = true;
      },
    };
  }

  /** undefined: only the servers can know. */
  #lookupLocally(name: string, family: IpFamily): readonly string[] | undefined {
    const literal = ipVersion(name);
    if (literal !== 0) return literal === family ? [name] : [];
    const plain = (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase();
    const listed = this.#hostsTable().get(plain);
    const ofFamily = listed?.filter((address) => ipVersion(address) === family) ?? [];
    if (ofFamily.length > 0) return ofFamily;
    if (plain === "localhost" || plain.endsWith(".localhost")) {
      return listed === undefined ? [LOOPBACK[family]] : [];
    }
    return undefined;
  }

  #hostsTable(): HostsTable {
    const text = this.#files.readHosts();
    if (text !== this.#hostsText) {
      this.#hostsText = text;
      this.#hosts = parseHosts(text);
    }
    return this.#hosts;
  }
}

function confOf(options: ResolverOptions, system: ResolvConf): ResolvConf {
  return {
    ...system,
    servers: options.servers.length > 0 ? options.servers : system.servers,
    search: options.noSearchDomains ? [] : system.search,
    timeoutMs: options.timeoutMs ?? system.timeoutMs,
    attempts: options.tries ?? system.attempts,
  };
}
