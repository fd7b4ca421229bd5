// Cluster types on real processes with two workers: endpoints by a file that is replaced, and hosts
// that requests name.

import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { untilWithin } from "../support/until.ts";
import { http1Upstream, type TestUpstream } from "../support/upstreams.ts";

const HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3";
const bootstrap = (clusters: string): string => `
node: { id: test, cluster: test }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{admin}} } } }
static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: {{http}} } }
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": ${HCM}.HttpConnectionManager
          stat_prefix: http
          route_config: { virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: c } }] }] }
          http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
  clusters:
${clusters}`;

function named(name: string): Promise<TestUpstream> {
  return http1Upstream((_request, response) => response.end(name));
}

/** Answers of requests that each have a connection of their own, so that both workers get some. */
async function ask(
  proxy: RunningProxy,
  count: number,
  headers: Record<string, string> = {},
): Promise<string[]> {
  const answers: string[] = [];
  for (let i = 0; i < count; i++) {
    const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const url = `http://127.0.0.1:${proxy.ports["http"]}/`;
    answers.push(await (await fetch(url, { client, headers })).text());
    client.close();
  }
  return answers;
}

const until = untilWithin(10_000);

Deno.test("EDS by a file: a replaced file reaches all workers, a bad one changes nothing", async () => {
  const [a, b] = [await named("a"), await named("b")];
  const dir = await Deno.makeTempDir({ prefix: "denvoy-eds-" });
  const put = async (text: string): Promise<void> => {
    await Deno.writeTextFile(`${dir}/new`, text);
    await Deno.rename(`${dir}/new`, `${dir}/eds.yaml`);
  };
  const assignment = (version: string, port: number): string => `
version_info: ${version}
resources:
- "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
  cluster_name: c
  endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } } }] }]
`;
  await put(assignment("one", a.port));
  const proxy = await startProxy({
    config: bootstrap(
      `  - { name: c, type: EDS, eds_cluster_config: { eds_config: { path_config_source: { path: ${dir}/eds.yaml } } } }`,
    ),
    args: ["--concurrency", "2", "--log-level", "warning"],
  });
  try {
    assertEquals(new Set(await ask(proxy, 8)), new Set(["a"]));
    await put(assignment("two", b.port));
    await until("b on all workers", async () => (await ask(proxy, 12)).every((x) => x === "b"));
    await put(`${assignment("three", a.port)}  policy: [`);
    await until("the failure", async () => await proxy.stat("cluster.c.update_failure") === 1);
    await put(assignment("four", 70_000));
    await until("the refusal", async () => await proxy.stat("cluster.c.update_rejected") === 1);
    assertEquals(new Set(await ask(proxy, 8)), new Set(["b"]));
    assertMatch(proxy.stderr(), /eds\.yaml:6:\d+ resources\[0\].*port_value: value must be/);
    assertMatch(await proxy.admin("/stats?filter=version_text"), /cluster\.c\.version_text: "two"/);
    assertEquals(await proxy.stat("cluster.c.membership_change"), 2);
  } finally {
    assertEquals(await proxy.stop(), 0);
    await a.close();
    await b.close();
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("ORIGINAL_DST: all workers share the hosts they meet, and every request is counted", async () => {
  const a = await named("a");
  const proxy = await startProxy({
    config: bootstrap(
      "  - { name: c, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, original_dst_lb_config: { use_http_header: true } }",
    ),
    args: ["--concurrency", "2"],
  });
  try {
    const headers = { "x-envoy-original-dst-host": `127.0.0.1:${a.port}` };
    assertEquals(new Set(await ask(proxy, 20, headers)), new Set(["a"]));
    await until("the host", async () => await proxy.stat("cluster.c.membership_total") === 1);
    const lines = await proxy.admin("/clusters");
    assertOk(lines.includes(`c::127.0.0.1:${a.port}::rq_total::20\n`), lines);
    assertOk(lines.includes(`c::127.0.0.1:${a.port}::rq_success::20\n`), lines);
  } finally {
    assertEquals(await proxy.stop(), 0);
    await a.close();
  }
});
