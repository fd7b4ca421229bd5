/** What it means when an extension is known to Envoy but not to denvoy, by category. */

/** The words for the operator, and whether serving is refused. */
export interface CategoryEffect {
  readonly effect: string;
  readonly isRefused: boolean;
}

const UNKNOWN: CategoryEffect = { effect: "it has no effect", isRefused: false };

/** Longest matching prefix wins. */
const EFFECTS: readonly (readonly [string, CategoryEffect])[] = [
  ["envoy.access_loggers", { effect: "nothing is logged there", isRefused: false }],
  ["envoy.bootstrap", { effect: "it is not started", isRefused: false }],
  ["envoy.clusters", { effect: "the cluster has no endpoints", isRefused: true }],
  ["envoy.filters.http", { effect: "requests would pass without this filter", isRefused: true }],
  ["envoy.filters.listener", {
    effect: "connections would pass without this filter",
    isRefused: true,
  }],
  ["envoy.filters.network", {
    effect: "connections would pass without this filter",
    isRefused: true,
  }],
  ["envoy.filters.udp", { effect: "UDP is not served", isRefused: true }],
  ["envoy.formatter", { effect: "its operators are empty", isRefused: false }],
  ["envoy.http.early_header_mutation", { effect: "headers would pass unchanged", isRefused: true }],
  ["envoy.http.original_ip_detection", {
    effect: "client addresses would be detected otherwise",
    isRefused: true,
  }],
  ["envoy.internal_redirect_predicates", {
    effect: "redirects it forbids would be followed",
    isRefused: true,
  }],
  ["envoy.load_balancing_policies", {
    effect: "requests would go to other endpoints",
    isRefused: true,
  }],
  ["envoy.matching", { effect: "what it matches would not be found", isRefused: true }],
  ["envoy.network.dns_resolver", {
    effect: "names are resolved by DNS queries of our own",
    isRefused: false,
  }],
  ["envoy.path", { effect: "paths would be matched or rewritten otherwise", isRefused: true }],
  ["envoy.request_id", { effect: "request ids are UUIDs", isRefused: false }],
  ["envoy.stats_sinks", { effect: "no statistics are sent there", isRefused: false }],
  ["envoy.string_matcher", { effect: "what it matches would not be found", isRefused: true }],
  ["envoy.tracers", { effect: "requests are not traced", isRefused: false }],
  ["envoy.transport_sockets", { effect: "connections would go unprotected", isRefused: true }],
  ["envoy.upstreams", { effect: "the router chooses its pools in one way", isRefused: true }],
];

/** The effect for an extension of these categories; the gravest where it is of several. */
export function effectOf(categories: readonly string[]): CategoryEffect {
  let found: CategoryEffect | undefined;
  for (const category of categories) {
    const row = EFFECTS.find(([prefix]) =>
      category === prefix || category.startsWith(`${prefix}.`)
    );
    if (row !== undefined && (found === undefined || row[1].isRefused)) found = row[1];
  }
  return found ?? UNKNOWN;
}
