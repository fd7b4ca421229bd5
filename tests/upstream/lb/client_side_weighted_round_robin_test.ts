// Weights that endpoints earn by their load reports, on a fake clock.

import { HeaderMap } from "../../../src/http/mod.ts";
import {
  parseLoadReport,
  type UpstreamHost,
  type WorkerCluster,
} from "../../../src/upstream/mod.ts";
import { assertEquals } from "../../support/assert.ts";
import { assignment, Bench, endpoint, policyOf } from "../support.ts";

const policy = (config: object = {}): object =>
  policyOf("client_side_weighted_round_robin", "ClientSideWeightedRoundRobin", config);

const three = assignment({ lb_endpoints: [endpoint(1), endpoint(2), endpoint(3)] });
const SOON = { blackout_period: "0s", weight_update_period: "1s" };

function hostsOf(cluster: WorkerCluster): readonly UpstreamHost[] {
  return cluster.hostSets.flatMap((set) => set.hosts);
}

function report(host: UpstreamHost, text: string): void {
  host.loadSink!.onLoadReport(
    parseLoadReport(HeaderMap.of(["endpoint-load-metrics", `TEXT ${text}`]))!,
  );
}

/** How often each host is chosen, in the order of the hosts. */
function counts(cluster: WorkerCluster, requests: number): number[] {
  const hosts = hostsOf(cluster);
  const seen = hosts.map(() => 0);
  for (let i = 0; i < requests; i++) {
    seen[hosts.indexOf(cluster.chooseHost(undefined) as UpstreamHost)]!++;
  }
  return seen;
}

const WEIGHTS = [
  {
    name: "rate over CPU utilization",
    reports: [
      "rps_fractional=100,cpu_utilization=0.5",
      "rps_fractional=100,cpu_utilization=0.25",
      "rps_fractional=200,cpu_utilization=0.25",
    ],
    config: {},
    want: [20, 40, 80],
  },
  {
    name: "application_utilization goes before named metrics and CPU",
    reports: [
      "rps_fractional=100,cpu_utilization=0.1,application_utilization=1",
      "rps_fractional=100,cpu_utilization=0.1,application_utilization=0.5",
      "rps_fractional=100,cpu_utilization=0.1,application_utilization=0.25",
    ],
    config: {},
    want: [20, 40, 80],
  },
  {
    name: "the greatest named metric goes before CPU",
    reports: [
      "rps_fractional=100,cpu_utilization=0.1,named_metrics.a=1,named_metrics.b=0.5",
      "rps_fractional=100,cpu_utilization=0.1,named_metrics.a=0.2,named_metrics.b=0.5",
      "rps_fractional=100,cpu_utilization=0.25",
    ],
    config: { metric_names_for_computing_utilization: ["named_metrics.a", "named_metrics.b"] },
    want: [20, 40, 80],
  },
  {
    name: "errors count as utilization",
    reports: [
      "rps_fractional=100,eps=50,cpu_utilization=0.5",
      "rps_fractional=100,cpu_utilization=0.5",
      "rps_fractional=100,cpu_utilization=0.25",
    ],
    config: { error_utilization_penalty: 1 },
    want: [20, 40, 80],
  },
  {
    name: "a host without a report gets the median",
    reports: [
      "rps_fractional=100,cpu_utilization=0.5",
      undefined,
      "rps_fractional=300,cpu_utilization=0.5",
    ],
    config: {},
    want: [20, 40, 60],
  },
  {
    name: "a report without a rate counts for nothing",
    reports: [
      "cpu_utilization=0.5",
      undefined,
      "rps_fractional=300",
    ],
    config: {},
    want: [40, 40, 40],
  },
] as const;

for (const row of WEIGHTS) {
  Deno.test(`client-side weights: ${row.name}`, async () => {
    const bench = new Bench();
    const load_balancing_policy = policy({ ...SOON, ...row.config });
    const cluster = await bench.add({ ...three, load_balancing_policy });
    row.reports.forEach((text, i) => {
      if (text !== undefined) report(hostsOf(cluster)[i]!, text);
    });
    bench.advance(1000);
    const total = row.want.reduce<number>((sum, n) => sum + n, 0);
    assertEquals(counts(cluster, total), [...row.want]);
  });
}

Deno.test("client-side weights: none before the blackout is over, none after they expired", async () => {
  const bench = new Bench();
  const load_balancing_policy = policy({
    blackout_period: "3s",
    weight_expiration_period: "10s",
    weight_update_period: "1s",
  });
  const cluster = await bench.add({ ...three, load_balancing_policy });
  const hosts = hostsOf(cluster);
  const tell = (): void => {
    report(hosts[0]!, "rps_fractional=100,cpu_utilization=1");
    report(hosts[1]!, "rps_fractional=100,cpu_utilization=1");
    report(hosts[2]!, "rps_fractional=400,cpu_utilization=1");
  };
  tell();
  for (let i = 0; i < 2; i++) bench.advance(1000);
  assertEquals(counts(cluster, 60), [20, 20, 20]);
  bench.advance(1000);
  assertEquals(counts(cluster, 60), [10, 10, 40]);
  for (let i = 0; i < 8; i++) bench.advance(1000);
  assertEquals(counts(cluster, 60), [20, 20, 20], "expired");
  tell();
  bench.advance(1000);
  assertEquals(counts(cluster, 60), [20, 20, 20], "the blackout begins anew");
});

Deno.test("client-side weights: the timer ends with the hosts", async () => {
  const bench = new Bench();
  const cluster = await bench.add({ ...three, load_balancing_policy: policy(SOON) });
  const [host] = hostsOf(cluster);
  report(host!, "rps_fractional=100,cpu_utilization=1");
  cluster.remove();
  bench.advance(1000);
  assertEquals((host!.loadSink as unknown as { readonly weight: number }).weight, 1);
});

Deno.test("client-side weights: load reported out of band is refused by name", async () => {
  const told: string[] = [];
  const bench = new Bench();
  Object.assign(bench.context, {
    problems: {
      ...bench.context.problems,
      unsupported: (_: object, field: string, effect: string, refuse?: boolean) =>
        void told.push(`${field}: ${effect} ${refuse}`),
    },
  });
  await bench.add({ ...three, load_balancing_policy: policy({ enable_oob_load_report: true }) });
  assertEquals(told[0], "enable_oob_load_report: load is reported with responses only true");
});
