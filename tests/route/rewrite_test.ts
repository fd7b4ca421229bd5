/** Path and host rewrites, as the conformance group "rewrites" shows them. */

import { H } from "../../src/http/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeStreamInfo } from "../support/fakes/stream_info.ts";
import { anyHost, find, request, routeTable } from "./support.ts";

const T = "type.googleapis.com/envoy.extensions.path";
const to = (match: object, route: object): object => ({ match, route: { cluster: "a", ...route } });

const TABLE = anyHost([
  to({ prefix: "/prefix/" }, { prefix_rewrite: "/new/" }),
  to({ prefix: "/noslash" }, { prefix_rewrite: "/" }),
  to({ path: "/exactpath" }, { prefix_rewrite: "/rewritten" }),
  to({ safe_regex: { regex: "/rx/.*" } }, { prefix_rewrite: "/whole" }),
  to({ path_separated_prefix: "/sep" }, { prefix_rewrite: "/base" }),
  to({ prefix: "/CaSe", case_sensitive: false }, { prefix_rewrite: "/lower" }),
  to({ prefix: "/regex" }, {
    regex_rewrite: { pattern: { regex: "/regex/(v[0-9]+)/" }, substitution: "/\\1/api/" },
  }),
  to({ prefix: "/all" }, { regex_rewrite: { pattern: { regex: "o" }, substitution: "0" } }),
  to({
    path_match_policy: {
      name: "m",
      typed_config: {
        "@type": `${T}.match.uri_template.v3.UriTemplateMatchConfig`,
        path_template: "/tpl/{id}/{rest=**}",
      },
    },
  }, {
    path_rewrite_policy: {
      name: "r",
      typed_config: {
        "@type": `${T}.rewrite.uri_template.v3.UriTemplateRewriteConfig`,
        path_template_rewrite: "/new/{rest}/for/{id}",
      },
    },
  }),
  to({ prefix: "/format" }, { path_rewrite: "/f/%REQ(x)%/y" }),
  to({ prefix: "/host/literal" }, { host_rewrite_literal: "rewritten.test" }),
  to({ prefix: "/host/appended" }, {
    host_rewrite_literal: "rewritten.test",
    append_x_forwarded_host: true,
  }),
  to({ prefix: "/host/header" }, { host_rewrite_header: "x-new-host" }),
  to({ prefix: "/host/path" }, {
    host_rewrite_path_regex: {
      pattern: { regex: "^/host/path/([^/]+).*$" },
      substitution: "\\1.path.test",
    },
  }),
  to({ prefix: "/host/format" }, { host_rewrite: "h-%REQ(x)%" }),
]);

const PATHS = [
  { path: "/prefix/x?y=1", want: "/new/x?y=1" },
  { path: "/noslash/x", want: "//x" },
  { path: "/noslash", want: "/" },
  { path: "/exactpath?y=1", want: "/rewritten?y=1" },
  { path: "/rx/anything?y=1", want: "/whole?y=1" },
  { path: "/sep/x", want: "/base/x" },
  { path: "/cAsE/x", want: "/lower/x" },
  { path: "/regex/v2/x?y=/regex/v3/", want: "/v2/api/x?y=/regex/v3/" },
  { path: "/all/foo/boo?o=o", want: "/all/f00/b00?o=o" },
  { path: "/tpl/42/a/b?x=1", want: "/new/a/b/for/42?x=1" },
  { path: "/format/a?b=c", want: "/f//y?b=c" },
];

for (const row of PATHS) {
  Deno.test(`The path ${row.path} becomes ${row.want}`, async () => {
    const table = await routeTable(TABLE);
    const headers = request(row.path, { headers: [["x-envoy-original-path", "/fake"]] });
    const route = find(table, headers)!;
    if (route.action.kind === "route") {
      route.action.finalizeRequest(headers, fakeStreamInfo(), true);
    }
    assertEquals(headers.getId(H.path), row.want);
    assertEquals(headers.all("x-envoy-original-path"), [row.path]);
  });
}

const HOSTS: {
  path: string;
  headers?: [string, string][];
  want: string;
  forwarded?: string;
}[] = [
  { path: "/host/literal", want: "rewritten.test" },
  { path: "/host/appended", want: "rewritten.test", forwarded: "conf.test" },
  {
    path: "/host/appended",
    headers: [["x-forwarded-host", "first.test"]],
    want: "rewritten.test",
    forwarded: "first.test,conf.test",
  },
  {
    path: "/host/appended",
    headers: [["x-forwarded-host", "first.test,conf.test"]],
    want: "rewritten.test",
    forwarded: "first.test,conf.test",
  },
  { path: "/host/header", headers: [["x-new-host", "from.test"]], want: "from.test" },
  { path: "/host/header", want: "conf.test" },
  { path: "/host/path/one/two?x", want: "one.path.test" },
  { path: "/host/format", headers: [["x", "q"]], want: "h-q" },
  { path: "/host/format", want: "h--" },
];

for (const row of HOSTS) {
  Deno.test(`The host of ${row.path} becomes ${row.want} (${row.forwarded})`, async () => {
    const table = await routeTable(TABLE);
    const headers = request(row.path, { headers: row.headers ?? [] });
    const route = find(table, headers)!;
    if (route.action.kind === "route") {
      route.action.finalizeRequest(headers, fakeStreamInfo(), true);
    }
    assertEquals(headers.getId(H.authority), row.want);
    const original = row.want === "conf.test" ? undefined : "conf.test";
    assertEquals(headers.get("x-envoy-original-host"), original);
    if (row.forwarded !== undefined) assertEquals(headers.all("x-forwarded-host"), [row.forwarded]);
  });
}
