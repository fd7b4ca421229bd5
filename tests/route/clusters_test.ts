/** Clusters of a route: headers, weights, changes; levels of header changes and policies. */

import type { HeaderMap } from "../../src/http/mod.ts";
import type { RouteAction } from "../../src/route/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeStreamInfo } from "../support/fakes/stream_info.ts";
import { anyHost, find, request, routeTable } from "./support.ts";

function actionOf(
  table: Awaited<ReturnType<typeof routeTable>>,
  headers: HeaderMap,
  random = 0,
): RouteAction {
  const route = find(table, headers, { random })!;
  if (route.action.kind !== "route") throw new Error(route.action.kind);
  return route.action;
}

const weights = (clusters: object[], more: object = {}): object => ({
  match: { prefix: "/" },
  route: { weighted_clusters: { clusters, ...more } },
});

Deno.test("A header names the cluster; without it there is none", async () => {
  const table = await routeTable(
    anyHost([{ match: { prefix: "/" }, route: { cluster_header: "x-cluster" } }]),
  );
  assertEquals(actionOf(table, request("/", { headers: [["x-cluster", "b"]] })).clusterName, "b");
  assertEquals(actionOf(table, request("/")).clusterName, undefined);
});

const WEIGHT_ROWS = [
  { random: 0, want: "a" },
  { random: 29, want: "a" },
  { random: 30, want: "b" },
  { random: 99, want: "b" },
  { random: 100, want: "a" },
  { random: 4294967295, want: "b" },
];
for (const row of WEIGHT_ROWS) {
  Deno.test(`30 to 70 with random value ${row.random} is ${row.want}`, async () => {
    const table = await routeTable(
      anyHost([
        weights([{ name: "a", weight: 30 }, { name: "none", weight: 0 }, {
          name: "b",
          weight: 70,
        }]),
      ]),
    );
    assertEquals(actionOf(table, request("/"), row.random).clusterName, row.want);
  });
}

const HEADER_ROWS = [
  { value: "0", want: "a" },
  { value: "49", want: "a" },
  { value: "50", want: "b" },
  { value: "100", want: "a" },
  { value: "151", want: "b" },
  { value: "18446744073709551615", want: "a" },
  { value: "x", want: "b" },
  { value: "", want: "b" },
];
for (const row of HEADER_ROWS) {
  Deno.test(`header_name with the value "${row.value}" is ${row.want}`, async () => {
    const clusters = [{ name: "a", weight: 50 }, { name: "b", weight: 50 }];
    const table = await routeTable(anyHost([weights(clusters, { header_name: "x-random" })]));
    const headers = request("/", { headers: [["x-random", row.value]] });
    assertEquals(actionOf(table, headers, 77).clusterName, row.want);
  });
}

Deno.test("The runtime changes weights", async () => {
  const clusters = [{ name: "a", weight: 100 }, { name: "b", weight: 0 }];
  const table = await routeTable(anyHost([weights(clusters, { runtime_key_prefix: "w" })]), {
    runtime: new Map([["w.a", 0], ["w.b", 10]]),
  });
  assertEquals(actionOf(table, request("/"), 5).clusterName, "b");
});

Deno.test("The same hash always chooses the same weighted cluster", async () => {
  const route = {
    match: { prefix: "/" },
    route: {
      hash_policy: [{ header: { header_name: "x-user" } }],
      weighted_clusters: {
        clusters: [{ name: "a", weight: 50 }, { name: "b", weight: 50 }],
        use_hash_policy: true,
      },
    },
  };
  const table = await routeTable(anyHost([route]));
  const seen = new Set<string | undefined>();
  for (let user = 0; user < 20; user++) {
    const headers = request("/", { headers: [["x-user", String(user)]] });
    const first = actionOf(table, headers, 1).clusterName;
    assertEquals(actionOf(table, headers, 99).clusterName, first);
    seen.add(first);
  }
  assertEquals(seen.size, 2);
});

Deno.test("A weighted cluster changes headers and host, and merges metadata", async () => {
  const table = await routeTable(anyHost([{
    match: { prefix: "/" },
    route: {
      metadata_match: { filter_metadata: { "envoy.lb": { zone: "z", stage: "prod" } } },
      weighted_clusters: {
        clusters: [{
          name: "b",
          weight: 1,
          metadata_match: { filter_metadata: { "envoy.lb": { stage: "canary" } } },
          request_headers_to_add: [{ header: { key: "x-added", value: "yes" } }],
          request_headers_to_remove: ["x-drop"],
          host_rewrite_literal: "weighted.test",
        }],
      },
    },
  }]));
  const headers = request("/", { headers: [["x-drop", "1"]] });
  const route = find(table, headers)!;
  const info = fakeStreamInfo();
  route.applyRequestHeaders(headers, info);
  const action = route.action as RouteAction;
  action.finalizeRequest(headers, info, true);
  assertEquals(headers.get("x-added"), "yes");
  assertEquals(headers.get("x-drop"), undefined);
  assertEquals(headers.get(":authority"), "weighted.test");
  assertEquals(headers.get("x-envoy-original-host"), undefined);
  assertEquals(action.metadataMatch, { zone: "z", stage: "canary" });
});

const add = (value: string): object[] => [
  { header: { key: "x-level", value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
  { header: { key: "x-list", value } },
];
const levels = (wins: boolean): object => ({
  most_specific_header_mutations_wins: wins,
  request_headers_to_add: add("config"),
  response_headers_to_add: add("config"),
  virtual_hosts: [{
    name: "v",
    domains: ["*"],
    request_headers_to_add: add("vhost"),
    response_headers_to_add: add("vhost"),
    routes: [{
      match: { prefix: "/" },
      route: { cluster: "a" },
      request_headers_to_add: add("route"),
      response_headers_to_add: add("route"),
    }],
  }],
});
const LEVEL_ROWS = [
  { wins: false, level: "config", list: ["route", "vhost", "config"] },
  { wins: true, level: "route", list: ["config", "vhost", "route"] },
];
for (const row of LEVEL_ROWS) {
  Deno.test(`Levels with most_specific_header_mutations_wins ${row.wins}`, async () => {
    const table = await routeTable(levels(row.wins));
    const headers = request("/");
    const route = find(table, headers)!;
    route.applyRequestHeaders(headers, fakeStreamInfo());
    assertEquals(headers.get("x-level"), row.level);
    assertEquals(headers.all("x-list"), row.list);
    const response = request("/");
    route.applyResponseHeaders(response, fakeStreamInfo(), headers);
    assertEquals(response.get("x-level"), row.level);
    assertEquals(response.all("x-list"), row.list);
  });
}

Deno.test("Policies of the virtual host serve where the route has none", async () => {
  const table = await routeTable(anyHost([
    {
      match: { prefix: "/own" },
      route: { cluster: "a", retry_policy: { retry_on: "retriable-4xx" } },
    },
    { match: { prefix: "/" }, route: { cluster: "a" } },
  ], {
    retry_policy: { retry_on: "5xx", num_retries: 3 },
    request_mirror_policies: [{ cluster: "m" }],
  }));
  assertEquals(actionOf(table, request("/own")).retryPolicy?.retryOn, "retriable-4xx");
  const inherited = actionOf(table, request("/"));
  assertEquals(inherited.retryPolicy?.retryOn, "5xx");
  assertEquals(inherited.retryPolicy?.numRetries, 3);
  assertEquals(inherited.mirrorPolicies.map((policy) => policy.clusterName), ["m"]);
  assertEquals(inherited.timeoutMs, 15_000);
});

Deno.test("The most specific level decides whether a filter runs", async () => {
  const type = "envoy.extensions.filters.http.buffer.v3.BufferPerRoute";
  const at = `type.googleapis.com/${type}`;
  const table = await routeTable(
    anyHost([
      {
        match: { prefix: "/off" },
        route: { cluster: "a" },
        typed_per_filter_config: { f: { "@type": at, disabled: true } },
      },
      { match: { prefix: "/" }, route: { cluster: "a" } },
    ], { typed_per_filter_config: { f: { "@type": at, buffer: { max_request_bytes: 7 } } } }),
    { extensions: { [type]: { routeType: type, compileRoute: (message: object) => message } } },
  );
  const off = find(table, request("/off"))!.perFilterConfig("f")!;
  assertEquals(off.configs.length, 2);
  assertEquals(off.disabled, false);
  assertEquals(find(table, request("/"))!.perFilterConfig("f")!.types, [type]);
  assertEquals(find(table, request("/"))!.perFilterConfig("g"), undefined);
});

Deno.test("A FilterConfig switches a filter off, and a more specific configuration on again", async () => {
  const type = "envoy.extensions.filters.http.buffer.v3.BufferPerRoute";
  const off = { "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", disabled: true };
  const config = { "@type": `type.googleapis.com/${type}`, buffer: { max_request_bytes: 7 } };
  const on = {
    match: { prefix: "/on" },
    route: { cluster: "a" },
    typed_per_filter_config: { f: config },
  };
  const table = await routeTable(
    anyHost([on, { match: { prefix: "/" }, route: { cluster: "a" } }], {
      typed_per_filter_config: { f: off },
    }),
    { extensions: { [type]: { routeType: type, compileRoute: (message: object) => message } } },
  );
  assertEquals(find(table, request("/on"))!.perFilterConfig("f")!.disabled, false);
  assertEquals(find(table, request("/"))!.perFilterConfig("f")!.disabled, true);
});
