/**
 * Route look-up (ns, one core): one prefix 40, the last of 20 prefixes 350, the last of 1,000 exact
 * paths 90, one of 1,000 exact hosts 30, a weighted split 50.
 */

import { anyHost, find, request, routeTable } from "../route/support.ts";
import { fakeStreamInfo } from "../support/fakes/stream_info.ts";

const to = (match: object): object => ({ match, route: { cluster: "a" } });
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const info = fakeStreamInfo();
const one = await routeTable(anyHost([to({ prefix: "/" })]));
const prefixes = await routeTable(
  anyHost(numbers(20).map((i) => to({ prefix: `/api/v1/s${i}/` }))),
);
const paths = await routeTable(anyHost(numbers(1000).map((i) => to({ path: `/api/v1/s${i}` }))));
const hosts = await routeTable({
  virtual_hosts: numbers(1000).map((i) => ({
    name: `h${i}`,
    domains: [`h${i}.test`],
    routes: [to({ prefix: "/" })],
  })),
});
const split = await routeTable(anyHost([{
  match: { prefix: "/" },
  route: {
    weighted_clusters: { clusters: [{ name: "a", weight: 10 }, { name: "b", weight: 90 }] },
  },
}]));

const plain = request("/api/v1/s19/x");
const exact = request("/api/v1/s999?q=1");
const byHost = request("/", { host: "h999.test" });

Deno.bench("one prefix", () => void find(one, plain, { info }));
Deno.bench("last of 20 prefixes", () => void find(prefixes, plain, { info }));
Deno.bench("last of 1,000 exact paths", () => void find(paths, exact, { info }));
Deno.bench("one of 1,000 hosts", () => void find(hosts, byHost, { info }));
Deno.bench("weighted split", () => void find(split, plain, { info, random: 77 }));
