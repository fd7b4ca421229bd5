// Ring hash and maglev: hosts of keys as Envoy 1.40 chooses them, table sizes, bounded load.

import { assertEquals } from "../../support/assert.ts";
import { formatAddress, xxHash64 } from "../../../src/base/mod.ts";
import {
  HEALTH,
  type LoadBalancerContext,
  type WorkerCluster,
  WorkerClusterManager,
} from "../../../src/upstream/mod.ts";
import { MersenneTwister } from "../../../src/upstream/lb/mersenne_twister.ts";
import { murmurHash2 } from "../../../src/upstream/lb/murmur_hash2.ts";
import { assignment, Bench, endpoint, policyOf } from "../support.ts";

function request(key: string, more: Partial<LoadBalancerContext> = {}): LoadBalancerContext {
  return {
    hash: () => xxHash64(key),
    requestHeaders: undefined,
    metadataMatch: undefined,
    shouldSelectAnotherHost: () => false,
    hostSelectionRetryCount: 1,
    streamInfo: undefined,
    ...more,
  };
}

/** The ports that `key-0`, `key-1`, … go to. */
function mapped(cluster: WorkerCluster, count = 24): string {
  return Array.from({ length: count }, (_, i) => {
    const host = cluster.chooseHost(request(`key-${i}`))!;
    return formatAddress(host.address).split(":")[1];
  }).join("");
}

const keyed = (port: number, more: object = {}): object =>
  endpoint(port, {
    metadata: { filter_metadata: { "envoy.lb": { hash_key: `host-h${port}` } } },
    ...more,
  });
const hosts = (count: number): object =>
  assignment({ lb_endpoints: Array.from({ length: count }, (_, i) => keyed(i)) });
const weights = assignment({
  lb_endpoints: [keyed(0, { load_balancing_weight: 1 }), keyed(1, { load_balancing_weight: 4 })],
});
const typed = (name: string, type: string, config: object): object => ({
  load_balancing_policy: policyOf(name, type, config),
});

const RING = { lb_policy: "RING_HASH" };
const MAGLEV = { lb_policy: "MAGLEV" };
const SMALL = { minimum_ring_size: 8, maximum_ring_size: 16 };
const SMALL_WANT = "220111122212222110111112";
const MURMUR_WANT = "312310133102220222212313";
const ELEVEN_WANT = "102122021200012111202120";
const names = ["zero.test", "one.test", "two.test"];

const MAPPINGS = [
  {
    name: "a ring of 8 to 16 places",
    config: { ...hosts(3), ...RING, ring_hash_lb_config: SMALL },
    want: SMALL_WANT,
  },
  {
    name: "the same as a typed policy",
    config: { ...hosts(3), ...typed("ring_hash", "RingHash", SMALL) },
    want: SMALL_WANT,
  },
  {
    name: "MURMUR_HASH_2",
    config: { ...hosts(4), ...RING, ring_hash_lb_config: { hash_function: "MURMUR_HASH_2" } },
    want: MURMUR_WANT,
  },
  {
    name: "MURMUR_HASH_2 as a typed policy",
    config: { ...hosts(4), ...typed("ring_hash", "RingHash", { hash_function: "MURMUR_HASH_2" }) },
    want: MURMUR_WANT,
  },
  {
    name: "hostnames",
    config: {
      ...assignment({
        lb_endpoints: names.map((hostname, port) => ({
          endpoint: {
            hostname,
            address: { socket_address: { address: "127.0.0.1", port_value: port } },
          },
        })),
      }),
      ...RING,
      type: "STRICT_DNS",
      common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } },
    },
    want: "000002110002000122111022",
  },
  {
    name: "an unhealthy host that is left out",
    config: {
      ...assignment({
        lb_endpoints: [keyed(0), keyed(1), keyed(2), keyed(3, { health_status: "UNHEALTHY" })],
      }),
      ...RING,
    },
    want: "022202101220012011100110",
  },
  { name: "maglev", config: { ...hosts(4), ...MAGLEV }, want: "102033111103130020230301" },
  {
    name: "maglev with a table of 11",
    config: { ...hosts(3), ...MAGLEV, maglev_lb_config: { table_size: 11 } },
    want: ELEVEN_WANT,
  },
  {
    name: "maglev as a typed policy",
    config: { ...hosts(3), ...typed("maglev", "Maglev", { table_size: 11 }) },
    want: ELEVEN_WANT,
  },
  {
    name: "maglev with weights 1 and 4",
    config: { ...weights, ...MAGLEV },
    want: "110011111101111010110101",
  },
];

for (const row of MAPPINGS) {
  Deno.test(`hash: keys and hosts with ${row.name}`, async () => {
    assertEquals(mapped(await new Bench().add(row.config)), row.want);
  });
}

Deno.test("maglev does not depend on the order of endpoints", async () => {
  const turned = assignment({ lb_endpoints: [3, 1, 0, 2].map((port) => keyed(port)) });
  assertEquals(
    mapped(await new Bench().add({ ...turned, ...MAGLEV })),
    "102033111103130020230301",
  );
});

const SIZES = [
  {
    name: "ring",
    config: { ...hosts(4), ...RING },
    want: { size: 1024, min_hashes_per_host: 256, max_hashes_per_host: 256 },
  },
  {
    name: "ring of 8 to 16 for three hosts",
    config: { ...hosts(3), ...RING, ring_hash_lb_config: SMALL },
    want: { size: 9, min_hashes_per_host: 3, max_hashes_per_host: 3 },
  },
  {
    name: "ring with weights 1 and 4",
    config: { ...weights, ...RING },
    want: { size: 1025, min_hashes_per_host: 205, max_hashes_per_host: 820 },
  },
  {
    name: "maglev",
    config: { ...hosts(4), ...MAGLEV },
    want: { min_entries_per_host: 16384, max_entries_per_host: 16385 },
  },
  {
    name: "maglev with weights 1 and 4",
    config: { ...weights, ...MAGLEV },
    want: { min_entries_per_host: 13108, max_entries_per_host: 52429 },
  },
];

for (const row of SIZES) {
  Deno.test(`hash: sizes of ${row.name}`, async () => {
    const bench = new Bench();
    await bench.add(row.config);
    const found = Object.entries(bench.stats(/(ring_hash|maglev)_lb\./))
      .map(([name, value]) => [name.split(".")[1]!, value] as const);
    assertEquals(Object.fromEntries(found), row.want);
  });
}

for (const policy of [RING, MAGLEV]) {
  Deno.test(`${policy.lb_policy}: one key has one host, no key has any`, async () => {
    const cluster = await new Bench().add({ ...hosts(4), ...policy });
    const constant = Array.from({ length: 10 }, () => cluster.chooseHost(request("constant")));
    assertEquals(new Set(constant).size, 1);
    const any = Array.from({ length: 100 }, () => cluster.chooseHost(undefined));
    assertEquals(new Set(any).size, 4);
  });

  Deno.test(`${policy.lb_policy}: a retry that turns hosts down reaches another`, async () => {
    const cluster = await new Bench().add({ ...hosts(4), ...policy });
    const first = cluster.chooseHost(request("constant"))!;
    const other = cluster.chooseHost(request("constant", {
      shouldSelectAnotherHost: (host) => host === first,
      hostSelectionRetryCount: 50,
    }));
    assertEquals(other !== undefined && other !== first, true);
  });

  Deno.test(`${policy.lb_policy}: no host, no choice`, async () => {
    const bench = new Bench();
    const cluster = await bench.add(policy);
    assertEquals(cluster.chooseHost(request("key")), undefined);
    assertEquals(bench.stat("lb_healthy_panic"), 1);
  });
}

Deno.test("hash_balance_factor 100: the fourth request of a key is the first to move", async () => {
  const bench = new Bench();
  const cluster = await bench.add({
    ...hosts(2),
    ...RING,
    common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 100 } },
  });
  const seen = Array.from({ length: 6 }, () => {
    const host = cluster.chooseHost(request("hot"))!;
    host.activeRequests++;
    cluster.circuitBreakers.default.tryRequest();
    return host;
  });
  const first = seen[0]!;
  assertEquals(seen.map((host) => host === first), [true, true, true, false, true, false]);
});

Deno.test("mt19937 draws as the standard says: the 10000th of seed 5489", () => {
  const random = new MersenneTwister(5489);
  for (let i = 1; i < 10_000; i++) random.next();
  assertEquals(random.next(), 4123659995);
});

/** Values of libstdc++'s std::_Hash_bytes. */
const MURMUR = [
  { text: "a", want: 4993892634952068459n },
  { text: "abcdefgh", want: 8664279048047335611n },
];
for (const { text, want } of MURMUR) {
  Deno.test(`MurmurHash2 of "${text}"`, () => assertEquals(murmurHash2(text), want));
}

for (const policy of [RING, MAGLEV]) {
  Deno.test(`${policy.lb_policy}: workers take over the table that main laid out`, async () => {
    const bench = new Bench();
    const main = await bench.add({ ...hosts(8), ...policy });
    const [resource] = bench.clusters.resources();
    // As a worker gets it: cloned, but for the memory that is shared.
    const { message, hosts: update } = resource!;
    const worker = new WorkerClusterManager({ ...bench.context, worker: 1 });
    const cluster = worker.apply({ ...resource!, message, hosts: structuredClone(update) });
    assertEquals(cluster.tables![0]!.owners.buffer === main.tables![0]!.owners.buffer, false);
    assertEquals(cluster.tables![0]!.owners, main.tables![0]!.owners);
    assertEquals(mapped(cluster, 100), mapped(main, 100));
    main.hostSets[0]!.hosts[3]!.setHealthFlags(HEALTH.failedActiveHc);
    main.refreshHealth();
    const { tables } = main;
    worker.applyHealth({ cluster: "c", refreshes: true, failedHosts: [], tables });
    assertEquals(cluster.tables![0] === tables![0], true);
    assertEquals(mapped(cluster, 100), mapped(main, 100));
    assertEquals(mapped(cluster, 100).includes("3"), false);
  });
}
