import { cluster, TYPE, verdict } from "../builders.ts";
import { assertMatch } from "../../support/assert.ts";

const POLICY = `typed_config: { "@type": ${TYPE}envoy.extensions.load_balancing_policies`;
const policies = (config: string): string =>
  `load_balancing_policy: { policies: [{ typed_extension_config: { name: x, ${POLICY}.${config} } } }] }`;
const RANDOM = policies("random.v3.Random");
const selector = (fields: string): string =>
  cluster(`name: a, lb_subset_config: { subset_selectors: [{ keys: [a, b], ${fields} }] }`);

/** Envoy 1.40's verdicts. */
const ROWS = [
  {
    name: "a typed policy beside lb_subset_config",
    text: cluster(`name: a, lb_subset_config: { subset_selectors: [{ keys: [a] }] }, ${RANDOM}`),
    want: /cannot be combined with lb_subset_config/,
  },
  {
    name: "a typed policy beside zone_aware_lb_config",
    text: cluster(`name: a, common_lb_config: { zone_aware_lb_config: {} }, ${RANDOM}`),
    want: /cannot be combined with zone_aware_lb_config/,
  },
  {
    name: "a typed policy beside locality_weighted_lb_config",
    text: cluster(`name: a, common_lb_config: { locality_weighted_lb_config: {} }, ${RANDOM}`),
    want: /cannot be combined with locality_weighted_lb_config/,
  },
  {
    name: "a typed policy beside consistent_hashing_lb_config",
    text: cluster(`name: a, common_lb_config: { consistent_hashing_lb_config: {} }, ${RANDOM}`),
    want: /cannot be combined with consistent_hashing_lb_config/,
  },
  {
    name: "a typed policy beside healthy_panic_threshold and an older lb_policy",
    text: cluster(
      `name: a, lb_policy: RING_HASH, common_lb_config: { healthy_panic_threshold: { value: 1 } }, ${RANDOM}`,
    ),
    want: /^ok/,
  },
  {
    name: "locality_weight_aware subsets without weights of localities",
    text: cluster(`name: a, lb_subset_config: { locality_weight_aware: true }`),
    want: /need a locality_weighted_lb_config/,
  },
  {
    name: "locality_weight_aware subsets with them",
    text: cluster(
      `name: a, common_lb_config: { locality_weighted_lb_config: {} }, lb_subset_config: { locality_weight_aware: true }`,
    ),
    want: /^ok/,
  },
  {
    name: "a maglev table of 10",
    text: cluster("name: a, lb_policy: MAGLEV, maglev_lb_config: { table_size: 10 }"),
    want: /maglev_lb_config\.table_size: a maglev table's size is a prime number, not 10/,
  },
  {
    name: "a typed maglev table of 12",
    text: cluster(`name: a, ${policies("maglev.v3.Maglev, table_size: 12")}`),
    want: /prime number, not 12/,
  },
  {
    name: "a maglev table of 11",
    text: cluster("name: a, lb_policy: MAGLEV, maglev_lb_config: { table_size: 11 }"),
    want: /^ok/,
  },
  {
    name: "KEYS_SUBSET with all the keys",
    text: selector("fallback_policy: KEYS_SUBSET, fallback_keys_subset: [b, a]"),
    want: /has all the keys already tried/,
  },
  {
    name: "KEYS_SUBSET with another key",
    text: selector("fallback_policy: KEYS_SUBSET, fallback_keys_subset: [b, c]"),
    want: /a key that keys has not/,
  },
  {
    name: "KEYS_SUBSET without keys",
    text: selector("fallback_policy: KEYS_SUBSET"),
    want: /needs some keys/,
  },
  {
    name: "keys of another fallback",
    text: selector("fallback_policy: ANY_ENDPOINT, fallback_keys_subset: [a]"),
    want: /KEYS_SUBSET only/,
  },
  {
    name: "KEYS_SUBSET with one of two keys",
    text: selector("fallback_policy: KEYS_SUBSET, fallback_keys_subset: [a]"),
    want: /^ok/,
  },
  {
    name: "wrr_locality over round robin",
    text: cluster(
      `name: a, ${
        policies(
          `wrr_locality.v3.WrrLocality, endpoint_picking_policy: { policies: [{ typed_extension_config: { name: y, ${POLICY}.round_robin.v3.RoundRobin } } }] }`,
        )
      }`,
    ),
    want: /only client_side_weighted_round_robin/,
  },
  {
    name: "an aggregate cluster with the typed cluster_provided",
    text: cluster(
      `name: a, cluster_type: { name: x, typed_config: { "@type": ${TYPE}envoy.extensions.clusters.aggregate.v3.ClusterConfig, clusters: [a] } }, ${
        policies("cluster_provided.v3.ClusterProvided")
      }`,
    ),
    want: /^ok/,
  },
  {
    name: "an aggregate cluster with another typed policy",
    text: cluster(
      `name: a, cluster_type: { name: x, typed_config: { "@type": ${TYPE}envoy.extensions.clusters.aggregate.v3.ClusterConfig, clusters: [a] } }, ${RANDOM}`,
    ),
    want: /brings its own balancer/,
  },
  {
    name: "the typed cluster_provided where nothing is provided",
    text: cluster(`name: a, ${policies("cluster_provided.v3.ClusterProvided")}`),
    want: /needs a cluster that provides a balancer/,
  },
  {
    name: "an ORIGINAL_DST cluster with the typed cluster_provided",
    text: cluster(
      `name: a, type: ORIGINAL_DST, ${policies("cluster_provided.v3.ClusterProvided")}`,
    ),
    want: /brings its own balancer/,
  },
  {
    name: "a local cluster that is there",
    text:
      "cluster_manager: { local_cluster_name: a }\nstatic_resources: { clusters: [{ name: a }] }",
    want: /^ok/,
  },
  {
    name: "a local cluster that is not",
    text:
      "cluster_manager: { local_cluster_name: b }\nstatic_resources: { clusters: [{ name: a }] }",
    want: /cluster_manager\.local_cluster_name: no cluster is named "b"/,
  },
];
for (const row of ROWS) {
  Deno.test(`balancing: ${row.name}`, () => assertMatch(verdict(row.text), row.want));
}
