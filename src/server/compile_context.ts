/** The compile context of one thread: what `server/` hands to every room's compile step. */

import { networkInterfaces } from "node:os";
import type {
  Dispatcher,
  ExtensionCategory,
  Problems,
  ServerFacts,
  ServerLocality,
} from "../base/mod.ts";
import type { CompileContext, Runtime } from "../runtime/mod.ts";
import type { Scope } from "../stats/mod.ts";
import type { Extensions } from "./extensions.ts";

export interface ContextParts {
  readonly problems: Problems;
  readonly dispatcher: Dispatcher;
  readonly scope: Scope;
  readonly runtime: Runtime;
  readonly server: ServerFacts;
  readonly extensions: Extensions;
  readonly worker: number;
  readonly isCheckOnly: boolean;
  readonly services: ReadonlyMap<string, unknown>;
}

/** Joins the parts; asking for a service nobody put in is our bug. */
export function compileContext(parts: ContextParts): CompileContext {
  const { extensions, services, ...rest } = parts;
  return {
    ...rest,
    extension: <Factory>(category: ExtensionCategory, typeName: string): Factory | undefined =>
      extensions.get<Factory>(category, typeName),
    service: <Service>(name: string): Service => {
      if (!services.has(name)) throw new RangeError(`No service "${name}" on this thread`);
      return services.get(name) as Service;
    },
  };
}

/**
 * The first address of this machine that is not loopback: what x-forwarded-for says where the peer
 * is the machine itself. Undefined if there is none.
 */
export function ownAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find((one) => !one.internal && one.family === "IPv4")?.address ??
    addresses.find((one) => !one.internal)?.address;
}

/** Facts for formatters and headers out of what main found. */
export function serverFacts(
  node: {
    readonly id: string;
    readonly cluster: string;
    readonly locality: ServerLocality | undefined;
    readonly metadata: { readonly [key: string]: unknown };
  },
  process: {
    readonly hostname: string;
    readonly version: string;
    readonly drainTimeMs: number;
    readonly drainsAtOnce: boolean;
  },
): ServerFacts {
  const localAddress = ownAddress();
  return {
    nodeId: node.id,
    nodeCluster: node.cluster,
    zone: node.locality?.zone ?? "",
    ...(node.locality === undefined ? {} : { locality: node.locality }),
    nodeMetadata: node.metadata,
    ...process,
    ...(localAddress === undefined ? {} : { localAddress }),
    environment: (name) => Deno.env.get(name),
  };
}
