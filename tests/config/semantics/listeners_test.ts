import { ADDRESS, chain, ECHO, hcm, listeners, TYPE, verdict } from "../builders.ts";
import { assertMatch } from "../../support/assert.ts";

const EXT = `typed_config: { "@type": ${TYPE}envoy.extensions.filters`;
const RBAC = `{ name: rbac, ${EXT}.network.rbac.v3.RBAC, stat_prefix: x } }`;
const CORS = `{ name: cors, ${EXT}.http.cors.v3.Cors } }`;
const ROUTER = `{ name: router, ${EXT}.http.router.v3.Router } }`;
const PORT = "address: { socket_address: { address: 127.0.0.1, port_value: 8081 } }";
const ONE = `filter_chains: [{ filters: [${ECHO}] }]`;

function matches(...all: string[]): string {
  const chains = all.map((match) => `{ filter_chain_match: { ${match} }, filters: [${ECHO}] }`);
  return listeners(`name: l, ${ADDRESS}, filter_chains: [${chains.join(", ")}]`);
}

/** Envoy 1.40's verdicts. */
const ROWS = [
  {
    name: "without an address",
    text: listeners(`name: l, ${ONE}`),
    want: /address: a listener needs an address/,
  },
  {
    name: "without chains",
    text: listeners(`name: l, ${ADDRESS}`),
    want: /filter_chains: a listener needs a filter chain/,
  },
  {
    name: "with a default chain only",
    text: listeners(`name: l, ${ADDRESS}, default_filter_chain: { filters: [${ECHO}] }`),
    want: /^ok/,
  },
  {
    name: "with an empty chain",
    text: listeners(`name: l, ${ADDRESS}, filter_chains: [{}]`),
    want: /^ok/,
  },
  {
    name: "two of one name",
    text: listeners(`name: l, ${ADDRESS}, ${ONE}`, `name: l, ${ADDRESS}, ${ONE}`),
    want: /^ok/,
  },
  {
    name: "two on one port",
    text: listeners(`name: l, ${PORT}, ${ONE}`, `name: m, ${PORT}, ${ONE}`),
    want: /duplicate address 127.0.0.1:8081/,
  },
  {
    name: "two on one port, one not bound",
    text: listeners(`name: l, ${PORT}, ${ONE}`, `name: m, bind_to_port: false, ${PORT}, ${ONE}`),
    want: /^ok/,
  },
  {
    name: "with a name for an address",
    text: listeners(
      `name: l, address: { socket_address: { address: foo.com, port_value: 80 } }, ${ONE}`,
    ),
    want: /"foo.com" is not an IP address/,
  },
  {
    name: "UDP without chains",
    text: listeners(
      "name: l, address: { socket_address: { protocol: UDP, address: 127.0.0.1, port_value: 0 } }",
    ),
    want: /^ok/,
  },
  {
    name: "two chains without a match",
    text: matches("", ""),
    want: /overlapping match: filter_chains\[0\]/,
  },
  {
    name: "one server name in two chains",
    text: matches("server_names: [a.com, b.com]", "server_names: [B.com]"),
    want: /filter_chains\[1\]\.filter_chain_match: overlapping/,
  },
  {
    name: "one server name, two ports",
    text: matches("server_names: [a.com], destination_port: 1", "server_names: [a.com]"),
    want: /^ok/,
  },
  {
    name: "a wildcard inside a label",
    text: matches('server_names: ["a*.com"]'),
    want: /server_names\[0\]: a wildcard stands for/,
  },
  { name: "a wildcard alone", text: matches('server_names: ["*"]'), want: /a wildcard stands for/ },
  { name: "a leading wildcard", text: matches('server_names: ["*.com"]'), want: /^ok/ },
  {
    name: "a malformed range",
    text: matches("prefix_ranges: [{ address_prefix: 10.0.0, prefix_len: 8 }]"),
    want: /"10.0.0" is not an IP address/,
  },
  {
    name: "admin on a name",
    text: "admin: { address: { socket_address: { address: localhost, port_value: 0 } } }",
    want: /"localhost" is not an IP/,
  },
  {
    name: "a chain that does not end",
    text: chain(RBAC),
    want: /the last network filter must be a terminal one, "rbac" is not/,
  },
  {
    name: "a chain that ends twice",
    text: chain(ECHO, RBAC),
    want: /terminal filter "echo" must be the last/,
  },
  { name: "a chain that ends", text: chain(RBAC, ECHO), want: /^ok/ },
  {
    name: "HTTP filters without a router",
    text: hcm("route_config: { name: r }", CORS),
    want: /"cors" is not \(end the chain with envoy.filters.http.router\)/,
  },
  {
    name: "HTTP filters after the router",
    text: hcm("route_config: { name: r }", `${ROUTER}, ${CORS}`),
    want: /"router" must be the last of its http filter chain/,
  },
  { name: "no HTTP filters", text: hcm("route_config: { name: r }", ""), want: /^ok/ },
  {
    name: "a router that is switched off",
    text: hcm("route_config: { name: r }", ROUTER.replace("router,", "router, disabled: true,")),
    want: /cannot be disabled/,
  },
  {
    name: "one upgrade twice",
    text: hcm(
      "route_config: { name: r }, upgrade_configs: [{ upgrade_type: websocket }, { upgrade_type: WebSocket }]",
    ),
    want: /upgrade "WebSocket" stands twice/,
  },
  {
    name: "two ways to the client's address",
    text: hcm(
      `use_remote_address: true, route_config: { name: r }, original_ip_detection_extensions: [{ name: x, typed_config: { "@type": ${TYPE}envoy.extensions.http.original_ip_detection.xff.v3.XffConfig } }]`,
    ),
    want: /use_remote_address: it may not be mixed/,
  },
];
for (const row of ROWS) {
  Deno.test(`listener: ${row.name}`, () => assertMatch(verdict(row.text), row.want));
}
