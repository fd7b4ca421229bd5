/** The HTTP filter that sets filter state: objects, route levels, the route cache, what is refused. */

import type { HttpFilterFactory } from "../../../src/filter_chain/mod.ts";
import { setFilterStateFactory } from "../../../src/filters/http/set_filter_state.ts";
import { assertEquals } from "../../support/assert.ts";
import { OneHttpFilter, problemsOf } from "./harness.ts";

const value = (object_key: string, text: string, more: object = {}) => ({
  object_key,
  format_string: { text_format_source: { inline_string: text } },
  ...more,
});
const text = (object_key: string, format: string, more: object = {}) =>
  value(object_key, format, { factory_key: "envoy.string", ...more });

// deno-fmt-ignore
const ROWS = [
  { name: "a text of a header", values: [text("k", "of %REQ(x-a)%")], want: "of v" },
  { name: "the last of two", values: [text("k", "1", { read_only: true }), text("k", "2")], want: "2" },
  { name: "an empty text", values: [text("k", "")], want: "" },
  { name: "no empty text if so asked", values: [text("k", "", { skip_if_empty: true })], want: undefined },
  { name: "a hashable text", values: [value("k", "x", { factory_key: "envoy.hashable_string" })], want: "x" },
  { name: "a boolean", values: [value("k", "true", { factory_key: "envoy.bool" })], want: "true" },
  { name: "no boolean that is none", values: [value("k", "yes", { factory_key: "envoy.bool" })], want: undefined },
  { name: "a port", values: [value("k", "443", { factory_key: "envoy.upstream.dynamic_port" })], want: "443" },
  { name: "no port that is none", values: [value("k", "4294967296", { factory_key: "envoy.upstream.dynamic_port" })], want: undefined },
];
for (const { name, values, want } of ROWS) {
  Deno.test(`set_filter_state (HTTP) sets ${name}`, async () => {
    const one = await OneHttpFilter.create(setFilterStateFactory, { on_request_headers: values });
    one.request(["x-a", "v"]);
    assertEquals(one.info.filterState?.get("k")?.serialize(), want);
    assertEquals(one.routeClears, 0);
  });
}

Deno.test("set_filter_state (HTTP): all levels apply, the route's last, and clear its cache", async () => {
  const one = await OneHttpFilter.create(setFilterStateFactory, {
    on_request_headers: ["a", "b", "c"].map((key) => text(key, "own")),
  }, {
    levels: [
      { on_request_headers: [text("c", "route")] },
      { on_request_headers: [text("b", "vhost"), text("c", "vhost")], clear_route_cache: true },
    ],
  });
  one.request();
  const state = one.info.filterState!;
  assertEquals([...state].map(([key, object]) => `${key}=${object.serialize()}`), [
    "a=own",
    "b=vhost",
    "c=route",
  ]);
  assertEquals(one.routeClears, 1);
});

// deno-fmt-ignore
const REFUSED = [
  { name: "a key without a factory", values: [value("nosuch", "x")], want: "'nosuch' does not have an object factory" },
  { name: "an unknown factory", values: [value("k", "x", { factory_key: "no.such" })], want: "'no.such' does not have an object factory" },
  { name: "an unknown operator", values: [text("k", "%NOPE%")], want: "Not supported field in StreamInfo: NOPE" },
  { name: "a key that nothing reads", values: [value("envoy.network.ip", "::1")], want: '"envoy.network.ip" is not put into the filter state' },
];
for (const { name, values, want } of REFUSED) {
  Deno.test(`set_filter_state (HTTP) refuses ${name}`, async () => {
    const factory = setFilterStateFactory as HttpFilterFactory;
    assertEquals(await problemsOf(factory, { on_request_headers: values }), [want]);
    assertEquals(await problemsOf(factory, { on_request_headers: values }, true), [want]);
  });
}
