/**
 * Round robin by weights that endpoints earn: each reports its rate of requests and its utilization
 * with its responses (ORCA), and weighs what it could serve (Envoy's
 * ClientSideWeightedRoundRobinLoadBalancer). Every worker weighs by the reports of its own
 * responses; as they are of the whole endpoint, workers agree.
 */

import { type Clock, durationMsOr, type Timer } from "../../base/mod.ts";
import type { envoy_extensions_load_balancing_policies_client_side_weighted_round_robin_v3_ClientSideWeightedRoundRobin } from "../../proto/mod.ts";
import type { LoadBalancerContext, LoadSink } from "../api.ts";
import type { UpstreamHost } from "../host.ts";
import type { HostSet } from "../host_set.ts";
import type { LoadReport } from "../load_report.ts";
import { LoadBalancer } from "./load_balancer.ts";
import { compileLocality, type LocalityOptions } from "./locality_config.ts";
import type {
  Balancer,
  BalancerOptions,
  LbPolicy,
  LbPolicyContext,
  LbPolicyFactory,
  PickingPolicy,
} from "./policy.ts";
import { weightedTurns } from "./round_robin.ts";
import { compileSlowStart } from "./slow_start.ts";

type Message =
  envoy_extensions_load_balancing_policies_client_side_weighted_round_robin_v3_ClientSideWeightedRoundRobin;

const BLACKOUT_MS = 10_000;
const EXPIRATION_MS = 180_000;
const UPDATE_MS = 1000;
const MIN_UPDATE_MS = 100;
const MAX_WEIGHT = 4294967295;

/** How a report becomes a weight, and how long it counts. */
interface Options {
  /** A host's weights count from this long after its first report. */
  readonly blackoutMs: number;
  /** A weight counts no more this long after its last report. */
  readonly expirationMs: number;
  readonly updateMs: number;
  readonly errorPenalty: number;
  readonly metricNames: readonly string[];
}

/** What reports said of one host. */
class HostLoad implements LoadSink {
  /** As the balancer took it over last. */
  weight = 1;
  readonly #options: Options;
  readonly #clock: Clock;
  #reported = 0;
  #sinceMs: number | undefined;
  #latestMs = 0;

  constructor(options: Options, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  onLoadReport(report: LoadReport): void {
    const weight = weightOf(report, this.#options);
    if (weight === undefined) return;
    this.#reported = weight;
    this.#latestMs = this.#clock.nowMs();
    this.#sinceMs ??= this.#latestMs;
  }

  /** The weight by reports; undefined if they are too few, too recent or too old. */
  valid(nowMs: number): number | undefined {
    if (this.#sinceMs === undefined) return undefined;
    if (this.#sinceMs > nowMs - this.#options.blackoutMs) return undefined;
    if (this.#latestMs < nowMs - this.#options.expirationMs) {
      this.#sinceMs = undefined;
      return undefined;
    }
    return this.#reported;
  }
}

/** Requests a second over utilization; undefined where either is not reported. */
function weightOf(report: LoadReport, options: Options): number | undefined {
  const rate = report.get("rps_fractional");
  const own = report.get("application_utilization");
  const named = own > 0 ? own : report.greatest(options.metricNames);
  const utilization = named > 0 ? named : report.get("cpu_utilization");
  if (rate <= 0 || utilization <= 0) return undefined;
  const errors = Math.max(0, report.get("eps"));
  const weight = rate / (utilization + options.errorPenalty * errors / rate);
  return Math.floor(Math.min(weight, MAX_WEIGHT));
}

class ClientSideBalancer implements Balancer {
  readonly #options: Options;
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #inner: LoadBalancer;
  #sets: readonly HostSet[] = [];

  constructor(options: Options, policy: PickingPolicy, balancer: BalancerOptions) {
    this.#options = options;
    this.#clock = balancer.dispatcher.clock;
    this.#timer = balancer.dispatcher.timers.create(this);
    this.#inner = new LoadBalancer(policy, balancer);
  }

  refresh(sets: readonly HostSet[]): void {
    this.#sets = sets;
    let hasHosts = false;
    for (const set of sets) {
      for (const host of set.hosts) {
        host.loadSink ??= new HostLoad(this.#options, this.#clock);
        hasHosts = true;
      }
    }
    this.#inner.refresh(sets);
    if (!hasHosts) this.#timer.cancel();
    else if (!this.#timer.isArmed) this.#timer.arm(this.#options.updateMs);
  }

  refreshLocal(): void {
    this.#inner.refreshLocal();
  }

  chooseHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    return this.#inner.chooseHost(context);
  }

  onTimer(): void {
    this.#timer.arm(this.#options.updateMs);
    let hasChanged = false;
    for (const set of this.#sets) {
      if (updateWeights(set.hosts, this.#clock.nowMs())) hasChanged = true;
    }
    if (hasChanged) this.#inner.refresh(this.#sets);
  }
}

/** Hosts without a valid weight get the median of the others'. @returns whether any changed */
function updateWeights(hosts: readonly UpstreamHost[], nowMs: number): boolean {
  const weights = hosts.map((host) => loadOf(host)?.valid(nowMs));
  const others = medianOf(weights.filter((weight) => weight !== undefined));
  let hasChanged = false;
  hosts.forEach((host, i) => {
    const load = loadOf(host);
    const weight = weights[i] ?? others;
    if (load === undefined || load.weight === weight) return;
    load.weight = weight;
    hasChanged = true;
  });
  return hasChanged;
}

function medianOf(weights: number[]): number {
  if (weights.length === 0) return 1;
  weights.sort((a, b) => a - b);
  const middle = weights.length >> 1;
  if (weights.length % 2 === 1) return weights[middle]!;
  return Math.floor((weights[middle - 1]! + weights[middle]!) / 2);
}

function loadOf(host: UpstreamHost): HostLoad | undefined {
  return host.loadSink instanceof HostLoad ? host.loadSink : undefined;
}

/** The policy of a message; wrr_locality asks for weights of localities besides. */
export function compileClientSide(
  message: object | undefined,
  context: LbPolicyContext,
  locality: LocalityOptions,
): LbPolicy {
  const config = message as Message;
  if (config.enableOobLoadReport === true) {
    context.problems.unsupported(
      config,
      "enable_oob_load_report",
      "load is reported with responses only",
      true,
    );
  }
  const options: Options = {
    blackoutMs: durationMsOr(config.blackoutPeriod, BLACKOUT_MS),
    expirationMs: durationMsOr(config.weightExpirationPeriod, EXPIRATION_MS),
    updateMs: Math.max(MIN_UPDATE_MS, durationMsOr(config.weightUpdatePeriod, UPDATE_MS)),
    errorPenalty: config.errorUtilizationPenalty ?? 0,
    metricNames: config.metricNamesForComputingUtilization,
  };
  const picking = weightedTurns(context, {
    weightOf: (host) => loadOf(host)?.weight ?? 1,
    slowStart: compileSlowStart(config, context),
    locality,
  });
  return {
    createBalancer: (balancer) => new ClientSideBalancer(options, picking, balancer),
  };
}

export const clientSideWeighted: LbPolicyFactory = {
  name: "envoy.load_balancing_policies.client_side_weighted_round_robin",
  type:
    "envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin",
  legacy: undefined,
  compile: (message, context) => compileClientSide(message, context, compileLocality(undefined)),
};
