/** Clusters on a fake clock with scripted connections, for the tests of this room. */

import { Dispatcher, SeededRandom, type ServerLocality } from "../../src/base/mod.ts";
import {
  HeaderMap,
  type RequestEncoder,
  type ResetReason,
  type ResponseDecoder,
} from "../../src/http/mod.ts";
import type { envoy_config_cluster_v3_Cluster } from "../../src/proto/mod.ts";
import { StatsStore } from "../../src/stats/mod.ts";
import type { DnsResolver, HealthUpdate } from "../../src/upstream/mod.ts";
import {
  type Host,
  type HostUpdate,
  loadCodecs,
  type PendingStream,
  type PoolReady,
  type StreamRequest,
  type Subscriber,
  type WorkerCluster,
} from "../../src/upstream/mod.ts";
import { loadPartsFor, MainClusters } from "../../src/upstream/main_mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type FakeContext, fakeContext } from "../support/fakes/compile_context.ts";
import { FakeConnection } from "../support/fakes/connection.ts";
import { decodeMessage } from "../support/messages.ts";

export type ClusterMessage = envoy_config_cluster_v3_Cluster;

/** Decodes a cluster written as in YAML. */
export async function clusterOf(value: object): Promise<ClusterMessage> {
  const decoded = await decodeMessage<ClusterMessage>("envoy.config.cluster.v3.Cluster", {
    name: "c",
    ...value,
  });
  const problems = decoded.problems();
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return decoded.message;
}

/** An endpoint `127.0.0.1:port`. */
export function endpoint(port: number, more: object = {}): object {
  return {
    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
    ...more,
  };
}

/** A load assignment: each group of endpoints is one locality. */
export function assignment(...groups: readonly object[]): object {
  return { load_assignment: { cluster_name: "c", endpoints: groups } };
}

/** A policy with its config, as `load_balancing_policy` and the policies that hold others take it. */
export function policyOf(name: string, type: string, config: object = {}): object {
  const typeName = `envoy.extensions.load_balancing_policies.${name}.v3.${type}`;
  return {
    policies: [{
      typed_extension_config: {
        name: `envoy.load_balancing_policies.${name}`,
        typed_config: { "@type": `type.googleapis.com/${typeName}`, ...config },
      },
    }],
  };
}

/** Hosts from discovery by the file `/eds.yaml`, which the bench's `subscribe` stands for. */
export const EDS = {
  type: "EDS",
  eds_cluster_config: { eds_config: { path_config_source: { path: "/eds.yaml" } } },
};

/** Whether hosts accept connections, asked each second; one answer decides. */
export const TCP_CHECK = {
  health_checks: [{
    timeout: "1s",
    interval: "1s",
    no_traffic_interval: "1s",
    unhealthy_threshold: 1,
    healthy_threshold: 1,
    tcp_health_check: {},
  }],
};

/** A bench with clusters, clock and connections. */
export class Bench {
  readonly clock = new FakeClock();
  readonly context: FakeContext;
  readonly clusters: MainClusters;
  readonly connections: FakeConnection[] = [];
  readonly updates: HostUpdate[] = [];
  readonly health: HealthUpdate[] = [];
  readonly texts = new Map<string, string>();
  readonly store = new StatsStore();

  constructor(
    options: {
      readonly runtime?: ReadonlyMap<string, unknown>;
      readonly createResolver?: () => DnsResolver;
      readonly seed?: number;
      readonly subscribe?: Subscriber;
      /** Where the proxy is, and which cluster has its peers. */
      readonly local?: { readonly locality: ServerLocality; readonly cluster: string };
      /** By type name. */
      readonly extensions?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    const dispatcher = new Dispatcher({
      clock: this.clock,
      sleeper: this.clock,
      random: new SeededRandom(options.seed ?? 1),
    });
    const context = fakeContext({
      dispatcher,
      ...(options.extensions === undefined ? {} : { extensions: options.extensions }),
      ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
    });
    const { local } = options;
    const server = local === undefined
      ? context.server
      : { ...context.server, zone: local.locality.zone, locality: local.locality };
    this.context = { ...context, server, worker: 0 };
    this.clusters = new MainClusters(this.context, {
      threads: 2,
      ...(local === undefined ? {} : { localCluster: local.cluster }),
      onUpdate: (updates) => this.updates.push(...updates),
      onHealth: (update) => this.health.push(update),
      onText: (name, text) => this.texts.set(name, text),
      ...(options.subscribe === undefined ? {} : { subscribe: options.subscribe }),
      connector: () => {
        const connection = new FakeConnection(dispatcher);
        this.connections.push(connection);
        return connection;
      },
      ...(options.createResolver === undefined ? {} : { createResolver: options.createResolver }),
    });
  }

  async add(value: object): Promise<WorkerCluster> {
    const message = await clusterOf(value);
    this.clusters.add(message);
    return this.clusters.manager.cluster(message.name)!;
  }

  run(work: () => void): void {
    this.context.dispatcher.run(work);
  }

  /** Moves time on; the wheel's timers fire. */
  advance(ms: number): void {
    this.clock.advance(ms);
    this.context.dispatcher.timers.advance();
  }

  /** Value of a stat of cluster `c` by its name; 0 if there is none. */
  stat(name: string): number {
    return allStats(this).find(([known]) => known === `cluster.c.${name}`)?.[1] ?? 0;
  }

  /** All stats that are not zero, by name below `cluster.c`. */
  stats(filter: RegExp): Record<string, number> {
    const found: Record<string, number> = {};
    for (const [name, value] of allStats(this)) {
      if (name.startsWith("cluster.c.") && value !== 0 && filter.test(name)) {
        found[name.slice("cluster.c.".length)] = value;
      }
    }
    return found;
  }
}

function allStats(bench: Bench): [string, number][] {
  const update = bench.context.stats.takeUpdate();
  if (update !== undefined) bench.store.absorb(0, update);
  return bench.store.values().map((stat) => [stat.name, stat.value]);
}

/** One request as the router would make it; writes down what it is told. */
export class TestRequest implements ResponseDecoder {
  readonly log: string[] = [];
  encoder: RequestEncoder | undefined = undefined;
  ready: { streamCount: number; connectionId: number } | undefined = undefined;
  pending: PendingStream | undefined = undefined;

  constructor(
    bench: Bench,
    cluster: WorkerCluster,
    options: Partial<StreamRequest> & { readonly host?: Host; readonly noSend?: boolean } = {},
  ) {
    bench.run(() => {
      const host = options.host ?? cluster.chooseHost(undefined)!;
      this.pending = cluster.newStream(host, this, {
        callbacks: {
          onPoolReady: (encoder: RequestEncoder, ready: PoolReady) => {
            this.encoder = encoder;
            this.ready = { streamCount: ready.streamCount, connectionId: ready.connectionId };
            this.log.push("ready");
            if (options.noSend !== true) this.send();
          },
          onPoolFailure: (reason, text) => this.log.push(`failure ${reason} ${text}`.trim()),
        },
        priority: "default",
        downstreamProtocol: "HTTP/1.1",
        streamInfo: undefined,
        authority: "a.test",
        isTunnel: false,
        ...options,
      });
    });
  }

  /** Sends a GET without a body. */
  send(): void {
    this.encoder!.encodeHeaders(
      HeaderMap.of(
        [":method", "GET"],
        [":scheme", "http"],
        [":authority", "a.test"],
        [":path", "/"],
      ),
      true,
    );
  }

  decode1xx(): void {
    this.log.push("1xx");
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): void {
    this.log.push(`headers ${headers.get(":status")}${endStream ? " end" : ""}`);
  }

  decodeData(bytes: Uint8Array, endStream: boolean): void {
    this.log.push(`data ${bytes.length}${endStream ? " end" : ""}`);
  }

  decodeTrailers(): void {
    this.log.push("trailers");
  }

  onReset(reason: ResetReason): void {
    this.log.push(`reset ${reason}`);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.log.push("above");
  }

  onBelowWriteBufferLowWatermark(): void {
    this.log.push("below");
  }
}

/** A complete answer without a body. */
export const ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

// What `server/` loads by what the clusters are: here, for whatever a test configures.
await loadCodecs();
await loadPartsFor([await clusterOf({ type: "STRICT_DNS", ...TCP_CHECK })]);
