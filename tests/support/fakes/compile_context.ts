/** A compile context without a server: services and extensions are what a test puts in. */

import { Dispatcher, type DispatcherOptions, type Problems } from "../../../src/base/mod.ts";
import { loadRegexEngine } from "../../../src/matching/mod.ts";
import { type CompileContext, Runtime } from "../../../src/runtime/mod.ts";
import { StatsRoot } from "../../../src/stats/mod.ts";

// What `server/` loads when a configuration holds a pattern.
await loadRegexEngine();

/** Problems that fail a test at once. */
export const NO_PROBLEMS: Problems = {
  error(_message, field, text) {
    throw new Error(`unexpected problem at ${field}: ${text}`);
  },
  unsupported(_message, field, effect) {
    throw new Error(`unexpectedly unsupported ${field}: ${effect}`);
  },
  warn() {},
};

export interface FakeContextOptions {
  readonly problems?: Problems;
  readonly dispatcher?: Dispatcher | DispatcherOptions;
  readonly runtime?: ReadonlyMap<string, unknown>;
  /** By type name. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly services?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface FakeContext extends CompileContext {
  readonly stats: StatsRoot;
}

export function fakeContext(options: FakeContextOptions = {}): FakeContext {
  const stats = new StatsRoot();
  const dispatcher = options.dispatcher instanceof Dispatcher
    ? options.dispatcher
    : new Dispatcher(options.dispatcher);
  return {
    stats,
    problems: options.problems ?? NO_PROBLEMS,
    dispatcher,
    isCheckOnly: false,
    worker: 1,
    scope: stats.scope,
    runtime: new Runtime(options.runtime),
    server: {
      nodeId: "node",
      nodeCluster: "cluster",
      zone: "zone",
      nodeMetadata: {},
      hostname: "host",
      version: "test",
      drainTimeMs: 600_000,
      environment: (name) => options.environment?.[name],
    },
    extension: <Factory>(_category: string, typeName: string) =>
      options.extensions?.[typeName] as Factory | undefined,
    service: <Service>(name: string) => options.services?.[name] as Service,
  };
}
