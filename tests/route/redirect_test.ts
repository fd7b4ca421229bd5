/** Redirects and require_tls, as the conformance group "redirects" shows them. */

import { assertEquals } from "../support/assert.ts";
import { answer, anyHost, direct, request, routeTable } from "./support.ts";

const redirect = (prefix: string, more: object): object => ({ match: { prefix }, redirect: more });

const TABLE = {
  virtual_hosts: [
    {
      name: "tls",
      domains: ["tls.test"],
      require_tls: "ALL",
      routes: [direct({ prefix: "/" }, "plain")],
    },
    {
      name: "tlsext",
      domains: ["tlsext.test"],
      require_tls: "EXTERNAL_ONLY",
      routes: [direct({ prefix: "/" }, "plain")],
    },
    {
      name: "all",
      domains: ["*"],
      routes: [
        redirect("/https", { https_redirect: true }),
        redirect("/scheme", { scheme_redirect: "foo" }),
        redirect("/hostport", {
          host_redirect: "new.test",
          port_redirect: 8443,
          https_redirect: true,
        }),
        redirect("/host", { host_redirect: "new.test" }),
        redirect("/port", { port_redirect: 8443 }),
        redirect("/pathquery", { path_redirect: "/newpath?fixed=1" }),
        redirect("/path/", { path_redirect: "/newpath" }),
        redirect("/prefix", { prefix_rewrite: "/other" }),
        redirect("/regex", {
          regex_rewrite: {
            pattern: { regex: "^/regex/([^/]+)/(.*)$" },
            substitution: "/\\2/of/\\1",
          },
        }),
        redirect("/strip", { path_redirect: "/stripped", strip_query: true }),
        redirect("/keep", { host_redirect: "new.test", strip_query: true }),
        redirect("/format", { path_rewrite: "/r/%REQ(x)%" }),
        redirect("/302", { host_redirect: "n.test", response_code: "FOUND" }),
        redirect("/303", { host_redirect: "n.test", response_code: "SEE_OTHER" }),
        redirect("/307", { host_redirect: "n.test", response_code: "TEMPORARY_REDIRECT" }),
        redirect("/308", { host_redirect: "n.test", response_code: "PERMANENT_REDIRECT" }),
        redirect("/empty", {}),
      ],
    },
  ],
};

const ROWS: { name: string; path: string; host?: string; want: string }[] = [
  { name: "https_redirect", path: "/https/x?y=1", want: "301 https://conf.test/https/x?y=1" },
  {
    name: "port 80 dropped",
    path: "/https",
    host: "conf.test:80",
    want: "301 https://conf.test/https",
  },
  {
    name: "another port kept",
    path: "/https",
    host: "conf.test:8080",
    want: "301 https://conf.test:8080/https",
  },
  { name: "IPv6 port dropped", path: "/https", host: "[::1]:80", want: "301 https://[::1]/https" },
  { name: "IPv6 without port", path: "/https", host: "[::1]", want: "301 https://[::1]/https" },
  { name: "scheme_redirect", path: "/scheme", want: "301 foo://conf.test/scheme" },
  { name: "host_redirect", path: "/host/x?y=1", want: "301 http://new.test/host/x?y=1" },
  {
    name: "host_redirect drops the port",
    path: "/host",
    host: "a:8080",
    want: "301 http://new.test/host",
  },
  {
    name: "port_redirect",
    path: "/port",
    host: "conf.test:80",
    want: "301 http://conf.test:8443/port",
  },
  {
    name: "host, port and scheme",
    path: "/hostport/x",
    want: "301 https://new.test:8443/hostport/x",
  },
  {
    name: "path_redirect keeps the query",
    path: "/path/old?y=1",
    want: "301 http://conf.test/newpath?y=1",
  },
  {
    name: "path_redirect with a query",
    path: "/pathquery?y=1",
    want: "301 http://conf.test/newpath?fixed=1",
  },
  { name: "prefix_rewrite", path: "/prefix/rest?y=1", want: "301 http://conf.test/other/rest?y=1" },
  {
    name: "regex_rewrite",
    path: "/regex/one/two?y=1",
    want: "301 http://conf.test/two/of/one?y=1",
  },
  { name: "strip_query", path: "/strip?y=1", want: "301 http://conf.test/stripped" },
  { name: "strip_query with host", path: "/keep?y=1", want: "301 http://new.test/keep" },
  { name: "path_rewrite", path: "/format/a?b=c", want: "301 http://conf.test/r/?b=c" },
  { name: "FOUND", path: "/302", want: "302 http://n.test/302" },
  { name: "SEE_OTHER", path: "/303", want: "303 http://n.test/303" },
  { name: "TEMPORARY_REDIRECT", path: "/307", want: "307 http://n.test/307" },
  { name: "PERMANENT_REDIRECT", path: "/308", want: "308 http://n.test/308" },
  { name: "an empty redirect", path: "/empty?x", want: "301 http://conf.test/empty?x" },
  { name: "require_tls ALL", path: "/x?y=1", host: "tls.test", want: "301 https://tls.test/x?y=1" },
  {
    name: "require_tls EXTERNAL_ONLY",
    path: "/x",
    host: "tlsext.test",
    want: "301 https://tlsext.test/x",
  },
];

for (const row of ROWS) {
  Deno.test(`A redirect: ${row.name}`, async () => {
    const table = await routeTable(TABLE);
    assertEquals(
      answer(table, request(row.path, row.host === undefined ? {} : { host: row.host })),
      row.want,
    );
  });
}

Deno.test("require_tls lets https and internal requests pass", async () => {
  const table = await routeTable(TABLE);
  assertEquals(answer(table, request("/x", { host: "tls.test", scheme: "https" })), "plain");
  const internal = request("/x", {
    host: "tlsext.test",
    headers: [["x-envoy-internal", "true"]],
  });
  assertEquals(answer(table, internal), "plain");
});

Deno.test("A rewriting redirect leaves the old path in x-envoy-original-path", async () => {
  const table = await routeTable(anyHost([redirect("/prefix", { prefix_rewrite: "/other" })]));
  const headers = request("/prefix/x?y");
  answer(table, headers);
  assertEquals(headers.get(":path"), "/other/x?y");
  assertEquals(headers.get("x-envoy-original-path"), "/prefix/x?y");
});
