/** Internal redirects, as the conformance group of that name shows them. */

import { parseLocation } from "../../src/router/internal_redirect.ts";
import { assertEquals } from "../support/assert.ts";
import { Bench, request, toA } from "./harness.ts";

const policy = (fields: object): object => ({ internal_redirect_policy: fields });
const T = "type.googleapis.com/envoy.extensions.internal_redirect";

const ROWS: {
  name: string;
  policy: object;
  status?: number;
  location?: string;
  wants: string | undefined;
  stat?: string;
}[] = [
  {
    name: "a 302 is followed",
    policy: {},
    location: "http://conf.test/target?x=1",
    wants: "http conf.test /target?x=1",
  },
  {
    name: "a fragment is left out",
    policy: {},
    location: "http://conf.test/t#frag",
    wants: "http conf.test /t",
  },
  {
    name: "another host",
    policy: {},
    location: "http://other.test:81",
    wants: "http other.test:81 /",
  },
  {
    name: "a relative location is passed on",
    policy: {},
    location: "/target",
    wants: undefined,
    stat: "bad_location",
  },
  { name: "a missing location is passed on", policy: {}, wants: undefined },
  {
    name: "a 301 is passed on by default",
    policy: {},
    status: 301,
    location: "http://conf.test/t",
    wants: undefined,
  },
  {
    name: "a listed status is followed",
    policy: { redirect_response_codes: [301] },
    status: 301,
    location: "http://conf.test/t",
    wants: "http conf.test /t",
  },
  {
    name: "another scheme is passed on",
    policy: {},
    location: "https://conf.test/t",
    wants: undefined,
    stat: "unsafe_scheme",
  },
  {
    name: "another scheme is followed if allowed",
    policy: { allow_cross_scheme_redirect: true },
    location: "https://conf.test/t",
    wants: "https conf.test /t",
  },
  {
    name: "safe_cross_scheme refuses plain to TLS",
    policy: {
      allow_cross_scheme_redirect: true,
      predicates: [{
        name: "s",
        typed_config: { "@type": `${T}.safe_cross_scheme.v3.SafeCrossSchemeConfig` },
      }],
    },
    location: "https://conf.test/t",
    wants: undefined,
    stat: "predicate",
  },
  {
    name: "allow_listed_routes refuses others",
    policy: {
      predicates: [{
        name: "a",
        typed_config: {
          "@type": `${T}.allow_listed_routes.v3.AllowListedRoutesConfig`,
          allowed_route_names: ["x"],
        },
      }],
    },
    location: "http://conf.test/t",
    wants: undefined,
    stat: "predicate",
  },
  {
    name: "allow_listed_routes lets the named one pass",
    policy: {
      predicates: [{
        name: "a",
        typed_config: {
          "@type": `${T}.allow_listed_routes.v3.AllowListedRoutesConfig`,
          allowed_route_names: ["target"],
        },
      }],
    },
    location: "http://conf.test/target",
    wants: "http conf.test /target",
  },
];

const routes = (fields: object): object[] => [
  { ...toA(policy(fields)), match: { path: "/one" } },
  { ...toA({}, { name: "target" }) },
];

for (const row of ROWS) {
  Deno.test(`Internal redirect: ${row.name}`, async () => {
    const bench = await Bench.with(routes(row.policy));
    bench.get("/one");
    const headers: [string, string][] = row.location === undefined
      ? []
      : [["location", row.location]];
    bench.run(() => bench.a.streams[0]!.respond(row.status ?? 302, { headers }));
    if (row.wants === undefined) {
      assertEquals(bench.log, [`${row.status ?? 302} end`]);
      if (row.stat !== undefined) {
        assertEquals(bench.stat(`http.in.passthrough_internal_redirect_${row.stat}`), 1);
      }
      return;
    }
    assertEquals(bench.log, ["recreate"]);
    const now = bench.recreated!;
    assertEquals(`${now.get(":scheme")} ${now.get(":authority")} ${now.get(":path")}`, row.wants);
    assertEquals(now.get("x-envoy-original-url"), "http://conf.test/one");
    assertEquals(bench.a.stat("upstream_internal_redirect_succeeded_total"), 1);
  });
}

Deno.test("Headers of the response may be taken along; a refused redirect leaves no trace", async () => {
  const bench = await Bench.with(routes({ response_headers_to_copy: ["x-copied", "x-gone"] }));
  bench.get("/one", { headers: [["x-gone", "1"]] });
  bench.run(() =>
    bench.a.streams[0]!.respond(302, {
      headers: [["location", "http://conf.test/t"], ["x-copied", "v"], ["x-not", "v"]],
    })
  );
  assertEquals(bench.recreated!.get("x-copied"), "v");
  assertEquals(bench.recreated!.get("x-not"), undefined);
  assertEquals(bench.recreated!.get("x-gone"), undefined);
});

Deno.test("A 303 turns a POST into a GET without a body", async () => {
  const bench = await Bench.with(routes({ redirect_response_codes: [303] }));
  bench.send(request("/one", { method: "POST", headers: [["content-length", "3"]] }), "abc");
  bench.run(() =>
    bench.a.streams[0]!.respond(303, { headers: [["location", "http://conf.test/t"]] })
  );
  assertEquals(bench.recreated!.get(":method"), "GET");
  assertEquals(bench.recreated!.get("content-length"), undefined);
  assertEquals(bench.manager.decodingBuffer, undefined);
});

Deno.test("A 307 keeps method and body", async () => {
  const bench = await Bench.with(routes({ redirect_response_codes: [307] }));
  bench.send(request("/one", { method: "POST" }), "abc");
  bench.run(() =>
    bench.a.streams[0]!.respond(307, { headers: [["location", "http://conf.test/t"]] })
  );
  assertEquals(bench.recreated!.get(":method"), "POST");
  assertEquals(bench.manager.decodingBuffer?.length, 3);
});

Deno.test("The number of redirects is limited over all of them", async () => {
  const bench = await Bench.with(routes({ max_internal_redirects: 1 }));
  bench.streamInfo.filterState = new Map();
  bench.get("/one");
  bench.run(() =>
    bench.a.streams[0]!.respond(302, { headers: [["location", "http://conf.test/one"]] })
  );
  const next = await Bench.with(routes({ max_internal_redirects: 1 }));
  next.streamInfo.filterState = bench.streamInfo.filterState;
  next.get("/one");
  next.run(() =>
    next.a.streams[0]!.respond(302, { headers: [["location", "http://conf.test/one"]] })
  );
  assertEquals(next.log, ["302 end"]);
  assertEquals(next.stat("http.in.passthrough_internal_redirect_too_many_redirects"), 1);
});

const LOCATIONS: { location: string; want: unknown }[] = [
  {
    location: "http://a.test/x?y#z",
    want: { scheme: "http", hostAndPort: "a.test", path: "/x?y" },
  },
  {
    location: "HTTPS://a.test:8443",
    want: { scheme: "https", hostAndPort: "a.test:8443", path: "/" },
  },
  { location: "http://u:p@a.test/x", want: { scheme: "http", hostAndPort: "a.test", path: "/x" } },
  { location: "http://a.test?x", want: { scheme: "http", hostAndPort: "a.test", path: "?x" } },
  { location: "http:///x", want: undefined },
  { location: "//a.test/x", want: undefined },
  { location: "/x", want: undefined },
  { location: "", want: undefined },
];
for (const row of LOCATIONS) {
  Deno.test(`The location "${row.location}"`, () => {
    assertEquals(parseLocation(row.location), row.want);
  });
}
