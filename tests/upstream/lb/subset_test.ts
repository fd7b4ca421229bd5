// Subsets: which hosts a request's metadata leads to, and where it goes without a subset.

import { assertEquals } from "../../support/assert.ts";
import { formatAddress } from "../../../src/base/mod.ts";
import type { LoadBalancerContext, WorkerCluster } from "../../../src/upstream/mod.ts";
import { assignment, Bench, endpoint, policyOf } from "../support.ts";

type Metadata = { readonly [key: string]: unknown };

function context(metadataMatch: Metadata | undefined): LoadBalancerContext {
  return {
    hash: () => undefined,
    requestHeaders: undefined,
    metadataMatch,
    shouldSelectAnotherHost: () => false,
    hostSelectionRetryCount: 1,
    streamInfo: undefined,
  };
}

/** The ports that requests with this metadata go to, in order; empty if there is no host. */
function ports(cluster: WorkerCluster, metadata: Metadata | undefined): string {
  const seen = new Set<string>();
  for (let i = 0; i < 8; i++) {
    const host = cluster.chooseHost(context(metadata));
    if (host !== undefined) seen.add(formatAddress(host.address).split(":")[1]!);
  }
  return [...seen].sort().join("");
}

const tagged = (port: number, metadata: Metadata, more: object = {}): object =>
  endpoint(port, { metadata: { filter_metadata: { "envoy.lb": metadata } }, ...more });
const stages = assignment({
  lb_endpoints: [
    tagged(0, { stage: "prod", version: "1" }),
    tagged(1, { stage: "prod", version: "2" }),
    tagged(2, { stage: "dev", version: "2" }),
    tagged(3, { stage: "dev", version: "3", extra: true }),
  ],
});
const TWO = [{ keys: ["stage"] }, { keys: ["version", "stage"] }];
const subsets = (config: object, hosts: object = stages): object => ({
  ...hosts,
  lb_subset_config: { subset_selectors: TWO, ...config },
});
const typed = (config: object): object => ({
  ...stages,
  load_balancing_policy: policyOf("subset", "Subset", {
    subset_lb_policy: policyOf("random", "Random"),
    ...config,
  }),
});

const PER_SELECTOR = {
  default_subset: { stage: "dev" },
  subset_selectors: [
    { keys: ["stage"], fallback_policy: "ANY_ENDPOINT" },
    {
      keys: ["stage", "version"],
      fallback_policy: "KEYS_SUBSET",
      fallback_keys_subset: ["stage"],
    },
    { keys: ["version"], fallback_policy: "DEFAULT_SUBSET" },
    { keys: ["extra"], fallback_policy: "NO_FALLBACK" },
  ],
};
const SINGLE = subsets(
  { subset_selectors: [{ keys: ["name"], single_host_per_subset: true }] },
  assignment({
    lb_endpoints: [
      tagged(0, { name: "zero" }),
      tagged(1, { name: "one" }),
      tagged(2, { name: "one" }),
    ],
  }),
);
const COLORS = subsets(
  { list_as_any: true, subset_selectors: [{ keys: ["color"] }] },
  assignment({
    lb_endpoints: [
      tagged(0, { color: ["red", "blue"] }),
      tagged(1, { color: ["blue"] }),
      tagged(2, { color: "red" }),
    ],
  }),
);
const NUMBERS = subsets(
  { subset_selectors: [{ keys: ["n"] }] },
  assignment({
    lb_endpoints: [tagged(0, { n: 1 }), tagged(1, { n: "1" }), tagged(2, { n: true })],
  }),
);
const ANY = subsets({ fallback_policy: "ANY_ENDPOINT" });
const DEFAULT = subsets({ fallback_policy: "DEFAULT_SUBSET", default_subset: { stage: "dev" } });
const LIST = subsets({ metadata_fallback_policy: "FALLBACK_LIST" });

const ROWS: readonly {
  readonly name: string;
  readonly config: object;
  readonly metadata: Metadata | undefined;
  readonly want: string;
}[] = [
  { name: "one key", config: subsets({}), metadata: { stage: "prod" }, want: "01" },
  {
    name: "two keys in any order",
    config: subsets({}),
    metadata: { version: "2", stage: "prod" },
    want: "1",
  },
  {
    name: "NO_FALLBACK: no such subset",
    config: subsets({}),
    metadata: { stage: "x" },
    want: "",
  },
  {
    name: "NO_FALLBACK: keys of no selector",
    config: subsets({}),
    metadata: { version: "2" },
    want: "",
  },
  { name: "NO_FALLBACK: no metadata", config: subsets({}), metadata: undefined, want: "" },
  { name: "ANY_ENDPOINT", config: ANY, metadata: { stage: "x" }, want: "0123" },
  { name: "DEFAULT_SUBSET", config: DEFAULT, metadata: { stage: "x" }, want: "23" },
  { name: "DEFAULT_SUBSET: no metadata", config: DEFAULT, metadata: undefined, want: "23" },
  {
    name: "DEFAULT_SUBSET that is empty",
    config: subsets({ fallback_policy: "DEFAULT_SUBSET", default_subset: { stage: "x" } }),
    metadata: undefined,
    want: "",
  },
  {
    name: "panic_mode_any",
    config: subsets({
      fallback_policy: "DEFAULT_SUBSET",
      default_subset: { stage: "x" },
      panic_mode_any: true,
    }),
    metadata: undefined,
    want: "0123",
  },
  {
    name: "a selector's ANY_ENDPOINT",
    config: subsets(PER_SELECTOR),
    metadata: { stage: "x" },
    want: "0123",
  },
  {
    name: "a selector's KEYS_SUBSET",
    config: subsets(PER_SELECTOR),
    metadata: { stage: "prod", version: "9" },
    want: "01",
  },
  {
    name: "a selector's DEFAULT_SUBSET",
    config: subsets(PER_SELECTOR),
    metadata: { version: "9" },
    want: "23",
  },
  {
    name: "a selector's NO_FALLBACK, whatever the cluster says",
    config: subsets({ ...PER_SELECTOR, fallback_policy: "ANY_ENDPOINT" }),
    metadata: { extra: false },
    want: "",
  },
  {
    name: "single_host_per_subset: the first",
    config: SINGLE,
    metadata: { name: "one" },
    want: "1",
  },
  { name: "list_as_any: red", config: COLORS, metadata: { color: "red" }, want: "02" },
  { name: "list_as_any: blue", config: COLORS, metadata: { color: "blue" }, want: "01" },
  {
    name: "FALLBACK_LIST",
    config: LIST,
    metadata: { stage: "x", fallback_list: [{ stage: "y" }, { stage: "dev" }] },
    want: "23",
  },
  { name: "a number", config: NUMBERS, metadata: { n: 1 }, want: "0" },
  { name: "a string", config: NUMBERS, metadata: { n: "1" }, want: "1" },
  { name: "a boolean", config: NUMBERS, metadata: { n: true }, want: "2" },
  {
    name: "a typed policy",
    config: typed({ subset_selectors: TWO }),
    metadata: { stage: "dev" },
    want: "23",
  },
  {
    name: "no selectors: no subsets at all",
    config: subsets({ subset_selectors: [] }),
    metadata: { stage: "x" },
    want: "0123",
  },
  {
    name: "allow_redundant_keys: the first selector whose keys are there",
    config: typed({ allow_redundant_keys: true, subset_selectors: [...TWO].reverse() }),
    metadata: { stage: "dev", version: "3", more: "x" },
    want: "3",
  },
];

for (const row of ROWS) {
  Deno.test(`subset: ${row.name}`, async () => {
    assertEquals(ports(await new Bench().add(row.config), row.metadata), row.want);
  });
}

Deno.test("subset: a subset without healthy hosts panics, it does not fall back", async () => {
  const bench = new Bench();
  const cluster = await bench.add(subsets(
    { fallback_policy: "ANY_ENDPOINT" },
    assignment({
      lb_endpoints: [
        tagged(0, { stage: "prod" }, { health_status: "UNHEALTHY" }),
        tagged(1, { stage: "dev" }),
      ],
    }),
  ));
  assertEquals(ports(cluster, { stage: "prod" }), "0");
  assertEquals(bench.stats(/lb_healthy_panic|lb_subsets_(selected|fallback)/), {
    lb_healthy_panic: 8,
    lb_subsets_selected: 8,
  });
});

Deno.test("subset: stats count what is made, active and fallen back to", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ANY);
  ports(cluster, { stage: "x" });
  assertEquals(bench.stats(/lb_subsets/), {
    lb_subsets_active: 6,
    lb_subsets_created: 6,
    lb_subsets_fallback: 8,
  });
  cluster.remove();
  assertEquals(bench.stats(/lb_subsets_(active|removed)/), { lb_subsets_removed: 6 });
});

Deno.test("subset: a host left out by single_host_per_subset is counted", async () => {
  const bench = new Bench();
  await bench.add(SINGLE);
  assertEquals(bench.stats(/single_host/), { lb_subsets_single_host_per_subset_duplicate: 1 });
});

for (const [scales, want] of [[false, { 0: 8, 2: 8 }], [true, { 0: 4, 2: 12 }]] as const) {
  Deno.test(`subset: locality weights, scaled: ${scales}`, async () => {
    const hosts = assignment(
      {
        locality: { zone: "a" },
        load_balancing_weight: 10,
        lb_endpoints: [
          tagged(0, { stage: "prod" }),
          tagged(1, { stage: "dev" }),
          tagged(3, { stage: "dev" }),
        ],
      },
      {
        locality: { zone: "b" },
        load_balancing_weight: 10,
        lb_endpoints: [tagged(2, { stage: "prod" })],
      },
    );
    const cluster = await new Bench().add({
      ...subsets({ locality_weight_aware: true, scale_locality_weight: scales }, hosts),
      common_lb_config: { locality_weighted_lb_config: {} },
    });
    const seen: Record<string, number> = {};
    for (let i = 0; i < 16; i++) {
      const host = cluster.chooseHost(context({ stage: "prod" }))!;
      const port = formatAddress(host.address).split(":")[1]!;
      seen[port] = (seen[port] ?? 0) + 1;
    }
    // 3 of 10 and 10 of 10: about one in four.
    const near = Math.abs(seen["0"]! - want[0]) <= 1;
    assertEquals([near, seen["0"]! + seen["2"]!], [true, 16]);
  });
}
