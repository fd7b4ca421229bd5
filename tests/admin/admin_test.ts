import { applyMask, parseMask } from "../../src/admin/mask.ts";
import { compileNameFilter } from "../../src/admin/name_filter.ts";
import {
  ADMIN_ENDPOINTS,
  type AdminHost,
  type AdminResponse,
  AdminRouter,
} from "../../src/admin/mod.ts";
import { parseQuery } from "../../src/admin/router.ts";
import { StatsRoot, StatsStore } from "../../src/stats/mod.ts";
import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";

const calls: string[] = [];
const store = new StatsStore();
const root = new StatsRoot();
root.scope.counter("cluster.<b>.rq").add(2);
root.scope.gauge("cluster.<b>.active").set(1);
root.scope.counter("unused");
store.absorb(0, root.takeUpdate()!);
const host = {
  store,
  state: () => "DRAINING",
  collectStats: () => Promise.resolve(),
  refreshServerStats: () => {},
  failHealthCheck: (failed: boolean) => calls.push(`fail ${failed}`),
  runtimeLayers: () => [
    { name: "base", values: new Map([["a", "1"]]) },
    { name: "admin", values: new Map([["a", "2"], ["b", "x"]]) },
  ],
} as unknown as AdminHost;
const router = new AdminRouter(ADMIN_ENDPOINTS, host);
const get = async (target: string, method = "GET"): Promise<AdminResponse> =>
  await router.handle(method, target, "");

const ROWS = [
  { target: "/ready", status: 503, body: /^DRAINING\n$/ },
  { target: "/ready/", status: 404, body: /^invalid path\. admin commands are:\n/ },
  { target: "/quitquitquit", status: 405, body: /^Method GET not allowed, POST required\.$/ },
  { target: "/stats?filter=(", status: 400, body: /^Invalid re2 regex: / },
  { target: "/stats?type=Other", status: 400, body: /^invalid &type= param$/ },
  {
    target: "/stats?usedonly",
    status: 200,
    body: /^cluster\.<b>\.active: 1\ncluster\.<b>\.rq: 2\n$/,
  },
  {
    target: "/stats?filter=rq&invert_filter",
    status: 200,
    body: /^cluster\.<b>\.active: 1\nunused: 0\n$/,
  },
  {
    target: "/stats?format=json&filter=rq",
    status: 200,
    body: /^\{"stats":\[\{"name":"cluster\.<b>\.rq","value":2\}\]\}$/,
  },
  {
    target: "/stats/prometheus?filter=rq",
    status: 200,
    body: /^# TYPE envoy_cluster_rq counter\nenvoy_cluster_rq\{envoy_cluster_name="<b>"\} 2\n$/,
  },
  { target: "/runtime", status: 200, body: /"final_value": "2"/ },
] as const;
for (const row of ROWS) {
  Deno.test(`admin ${row.target} answers ${row.status}`, async () => {
    const response = await get(row.target);
    assertEquals(response.status, row.status);
    assertMatch(response.body, row.body);
  });
}

Deno.test("admin: every endpoint that changes something refuses GET (T75)", async () => {
  for (const endpoint of ADMIN_ENDPOINTS.filter((one) => one.mutates)) {
    assertEquals((await get(endpoint.path)).status, 405, endpoint.path);
  }
  assertEquals(calls, []);
  assertEquals((await get("/healthcheck/fail", "POST")).body, "OK\n");
  assertEquals(calls, ["fail true"]);
});

Deno.test("admin: names from configuration are escaped in HTML (T75, CVE-2026-73546)", async () => {
  const page = (await get("/stats?format=html&filter=%3Cb%3E")).body;
  assertOk(!page.includes("<b>"), page);
});

Deno.test("admin: a query decodes, keeps the first of a name and takes a lone percent sign", () => {
  assertEquals([...parseQuery("a=1&b&a=2&c=%41%")], [["a", "1"], ["b", ""], ["c", "%41%"]]);
});

Deno.test("admin: a field mask keeps the named fields and types", () => {
  const element = {
    "@type": "t",
    cluster: { "@type": "c", name: "a", type: "STATIC" },
    last_updated: "x",
  };
  assertEquals(applyMask(element, parseMask("cluster.name")), {
    "@type": "t",
    cluster: { "@type": "c", name: "a" },
  });
  assertEquals(applyMask(element, parseMask("lastUpdated")), { "@type": "t", last_updated: "x" });
});

Deno.test("admin: a filter takes linear time on a hostile name (T73)", () => {
  const filter = compileNameFilter("(a+)+$") as (name: string) => boolean;
  assertEquals(filter("a".repeat(50_000) + "b"), false);
});
