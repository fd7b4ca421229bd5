/** Virtual host selection, as the conformance group "domains" shows it. */

import { assertEquals } from "../support/assert.ts";
import { answer, direct, request, routeTable } from "./support.ts";

const host = (name: string, domains: string[]): object => ({
  name,
  domains,
  routes: [direct({ prefix: "/" }, name)],
});

const HOSTS = [
  host("exact", ["exact.test", "also.test"]),
  host("with port", ["port.test:8080"]),
  host("suffix", ["*.suffix.test"]),
  host("longer suffix", ["*.long.suffix.test"]),
  host("dash suffix", ["*-x.suffix.test"]),
  host("prefix", ["prefix.*"]),
  host("longer prefix", ["prefix.long.*"]),
  host("both", ["both.test", "*.both.test"]),
];
const DEFAULT = host("default", ["*"]);

const ROWS = [
  { name: "an exact domain", host: "exact.test", want: "exact" },
  { name: "a second domain", host: "also.test", want: "exact" },
  { name: "another letter case", host: "EXACT.Test", want: "exact" },
  { name: "an exact domain with a port", host: "exact.test:80", want: "default" },
  { name: "a domain with that port", host: "port.test:8080", want: "with port" },
  { name: "a domain without its port", host: "port.test", want: "default" },
  { name: "a subdomain", host: "www.suffix.test", want: "suffix" },
  { name: "several labels", host: "a.b.suffix.test", want: "suffix" },
  { name: "the bare domain of a suffix", host: "suffix.test", want: "default" },
  { name: "a suffix with nothing before it", host: ".suffix.test", want: "default" },
  { name: "the longest suffix", host: "a.long.suffix.test", want: "longer suffix" },
  { name: "a suffix that begins with a dash", host: "a-x.suffix.test", want: "dash suffix" },
  { name: "a suffix and a port", host: "www.suffix.test:80", want: "default" },
  { name: "a prefix", host: "prefix.anything", want: "prefix" },
  { name: "a prefix and a port", host: "prefix.anything:81", want: "prefix" },
  { name: "the longest prefix", host: "prefix.long.com", want: "longer prefix" },
  { name: "exact before suffix", host: "both.test", want: "both" },
  { name: "suffix before prefix", host: "prefix.suffix.test", want: "suffix" },
  { name: "what nothing else matches", host: "unknown.test", want: "default" },
  { name: "no host at all", host: "", want: "default" },
];

for (const row of ROWS) {
  Deno.test(`Domains match ${row.name}`, async () => {
    const table = await routeTable({ virtual_hosts: [...HOSTS, DEFAULT] });
    assertEquals(answer(table, request("/", { host: row.host })), row.want);
  });
}

Deno.test("Without a default host there is no route", async () => {
  const table = await routeTable({ virtual_hosts: HOSTS });
  assertEquals(answer(table, request("/", { host: "unknown.test" })), "404");
});

const PORT_ROWS = [
  { host: "exact.test:1234", want: "exact" },
  { host: "[::1]", want: "default" },
  { host: "[::1]:80", want: "default" },
  { host: "www.suffix.test:80", want: "suffix" },
];
for (const row of PORT_ROWS) {
  Deno.test(`ignore_port_in_host_matching takes ${row.host} for ${row.want}`, async () => {
    const table = await routeTable({
      ignore_port_in_host_matching: true,
      virtual_hosts: [...HOSTS, DEFAULT],
    });
    assertEquals(answer(table, request("/", { host: row.host })), row.want);
  });
}

Deno.test("vhost_header selects by another header", async () => {
  const table = await routeTable({ vhost_header: "x-vhost", virtual_hosts: [...HOSTS, DEFAULT] });
  const headers = request("/", { host: "unknown.test", headers: [["x-vhost", "exact.test"]] });
  assertEquals(answer(table, headers), "exact");
});
