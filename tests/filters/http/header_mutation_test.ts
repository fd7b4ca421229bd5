/** header_mutation: each part of an exchange, route levels in both orders, queries, what is refused. */

import type { HttpFilterFactory } from "../../../src/filter_chain/mod.ts";
import { headerMutationFactory } from "../../../src/filters/http/header_mutation.ts";
import { assertEquals } from "../../support/assert.ts";
import { OneHttpFilter, problemsOf } from "./harness.ts";

const add = (key: string, value: string, append_action = "APPEND_IF_EXISTS_OR_ADD") => ({
  append: { header: { key, value }, append_action },
});
const query = (key: string, value: string, action = "APPEND_IF_EXISTS_OR_ADD") => ({
  append: { record: { key, value }, action },
});

Deno.test("header_mutation changes all four parts, in the order of its list", async () => {
  const one = await OneHttpFilter.create(headerMutationFactory, {
    mutations: {
      request_mutations: [
        add("x-a", "%REQ(x-in)%"),
        { remove: "X-In" },
        { remove_on_match: { key_matcher: { prefix: "x-drop-" } } },
        add("x-drop-late", "stays"),
      ],
      request_trailers_mutations: [add("x-t", "%REQ(x-a)%")],
      response_mutations: [add("x-r", "%REQ(x-a)% %RESP(x-old)%"), { remove: "x-old" }],
      response_trailers_mutations: [add("x-rt", "%RESP(x-r)% %TRAILER(x-u)%"), { remove: "x-u" }],
    },
  });
  assertEquals(one.request(["x-in", "1"], ["x-drop-a", "2"], ["x-b", "3"]), [
    ["x-b", "3"],
    ["x-a", "1"],
    ["x-drop-late", "stays"],
  ]);
  assertEquals(one.requestTrailers(["x-u", "1"]), [["x-u", "1"], ["x-t", "1"]]);
  assertEquals(one.response(["x-old", "o"]), [["x-r", "1 o"]]);
  assertEquals(one.responseTrailers(["x-u", "u"]), [["x-rt", "1 o u"]]);
});

const LEVELS = ["route", "vhost"].map((name) => ({
  mutations: {
    request_mutations: [add("x-a", name), add("x-o", name, "OVERWRITE_IF_EXISTS_OR_ADD")],
  },
}));
const OWN = { request_mutations: [add("x-a", "own"), add("x-o", "own")] };
for (
  const { name, wins, want } of [
    {
      name: "the least specific level has the last word",
      wins: false,
      want: ["own", "route", "vhost", "vhost"],
    },
    {
      name: "the most specific level has it if asked",
      wins: true,
      want: ["own", "vhost", "route", "route"],
    },
  ]
) {
  Deno.test(`header_mutation: ${name}`, async () => {
    const one = await OneHttpFilter.create(headerMutationFactory, {
      mutations: OWN,
      most_specific_header_mutations_wins: wins,
    }, { levels: LEVELS });
    const headers = one.request();
    assertEquals([
      ...headers.filter(([key]) => key === "x-a").map(([, value]) => value),
      ...headers.filter(([key]) => key === "x-o").map(([, value]) => value),
    ], want);
  });
}

Deno.test("header_mutation removes pseudo-headers and, for host, the authority", async () => {
  const one = await OneHttpFilter.create(headerMutationFactory, {
    mutations: { request_mutations: [{ remove: "host" }, { remove: ":path" }] },
  });
  assertEquals(one.request([":authority", "a"], [":path", "/"], ["x", "1"]), [["x", "1"]]);
});

// deno-fmt-ignore
const QUERIES = [
  { name: "adds to none", changes: [query("a", "1")], path: "/p", want: "/p?a=1" },
  { name: "appends, sorted by name", changes: [query("b", "2")], path: "/p?c=3&b=1&a=0", want: "/p?a=0&b=1&b=2&c=3" },
  { name: "overwrites all of a name", changes: [query("b", "2", "OVERWRITE_IF_EXISTS_OR_ADD")], path: "/p?b=1&b=0", want: "/p?b=2" },
  { name: "overwrites only what exists", changes: [query("b", "2", "OVERWRITE_IF_EXISTS")], path: "/p?a=1", want: "/p?a=1" },
  { name: "adds what is absent", changes: [query("a", "2", "ADD_IF_ABSENT"), query("b", "2", "ADD_IF_ABSENT")], path: "/p?a=1", want: "/p?a=1&b=2" },
  { name: "removes", changes: [{ remove: "a" }], path: "/p?a=1&a=2", want: "/p" },
  { name: "removes what is written otherwise", changes: [{ remove: "ab" }], path: "/p?%61b=1&c=", want: "/p?c=" },
  { name: "gives each parameter a =", changes: [{ remove: "x" }], path: "/p?a&&=b", want: "/p?=&=b&a=" },
  { name: "encodes values", changes: [query("a", "%REQ(x-v)% *-._~")], path: "/p", want: "/p?a=%26%23%3D%25%C3%A9%20*-._%7E" },
  { name: "encodes what would end a name (request splitting)", changes: [query("a b&\r\n", "1")], path: "/p", want: "/p?a%20b%26%0D%0A=1" },
  { name: "leaves escapes in others alone (parameter injection)", changes: [query("z", "1")], path: "/p?a=%26b%3D1%0d%0a", want: "/p?a=%26b%3D1%0d%0a&z=1" },
];
for (const { name, changes, path, want } of QUERIES) {
  Deno.test(`header_mutation of the query: ${name}`, async () => {
    const one = await OneHttpFilter.create(headerMutationFactory, {
      mutations: { query_parameter_mutations: changes },
    });
    assertEquals(one.request([":path", path], ["x-v", "&#=%\xc3\xa9"])[0], [":path", want]);
  });
}

// deno-fmt-ignore
const REFUSED = [
  { name: "a header whose name begins with a colon", mutations: { request_mutations: [add(":path", "x")] }, want: ":-prefixed or host headers may not be modified" },
  { name: "a query change of neither kind", mutations: { query_parameter_mutations: [{}] }, want: "One of 'append'/'remove' must be specified." },
  { name: "a query change of both kinds", mutations: { query_parameter_mutations: [{ ...query("a", "1"), remove: "b" }] }, want: "Only one of 'append'/'remove can be specified." },
  { name: "no record", mutations: { query_parameter_mutations: [{ append: {} }] }, want: "No record specified for append mutation." },
  { name: "a number as value", mutations: { query_parameter_mutations: [{ append: { record: { key: "a", value: 5 } } }] }, want: "Only string value is allowed for record value." },
  { name: "an unknown operator", mutations: { query_parameter_mutations: [query("a", "%NOPE%")] }, want: "Not supported field in StreamInfo: NOPE" },
];
for (const { name, mutations, want } of REFUSED) {
  Deno.test(`header_mutation refuses ${name}, also for a route`, async () => {
    const factory = headerMutationFactory as HttpFilterFactory;
    assertEquals(await problemsOf(factory, { mutations }), [want]);
    assertEquals(await problemsOf(factory, { mutations }, true), [want]);
  });
}
