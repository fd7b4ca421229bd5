import { cluster, verdict } from "./builders.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";

/** What stands for `per_connection_buffer_limit_bytes` (a UInt32Value); Envoy 1.40's verdicts. */
const UINT32 = [
  { name: "decimal", text: "1024", want: /^ok/ },
  { name: "quoted", text: '"1024"', want: /^ok/ },
  { name: "wrapped in value", text: "{ value: 1024 }", want: /^ok/ },
  { name: "hexadecimal", text: "0x400", want: /^ok/ },
  { name: "octal", text: "010", want: /^ok/ },
  { name: "exponent", text: "1e3", want: /^ok/ },
  { name: "whole decimal", text: "1.0", want: /^ok/ },
  { name: "with a plus", text: "+5", want: /^ok/ },
  { name: "null", text: "null", want: /^ok/ },
  { name: "fraction", text: "1.5", want: /invalid uint32 "1.5"/ },
  { name: "negative", text: "-1", want: /from 0 to 4294967295/ },
  { name: "too large", text: "4294967296", want: /from 0 to 4294967295/ },
  { name: "underscore", text: "1_000", want: /invalid uint32 "1_000"/ },
  { name: "word", text: "many", want: /invalid uint32 "many"/ },
  { name: "list", text: "[1]", want: /expected uint32, found a list/ },
];
for (const row of UINT32) {
  Deno.test(`uint32 as ${row.name}`, () => {
    const text = cluster(`name: a, type: STATIC, per_connection_buffer_limit_bytes: ${row.text}`);
    assertMatch(verdict(text), row.want);
  });
}

/** What stands for `name`, a string that may not be empty. */
const STRINGS = [
  { name: "float, which YAML keeps as text", text: "12.5", want: /^ok/ },
  { name: "integer beyond 32 bits", text: "99999999999", want: /^ok/ },
  { name: "quoted integer", text: '"123"', want: /^ok/ },
  { name: "the tag ! on an integer", text: "! 123", want: /^ok/ },
  { name: "integer", text: "123", want: /invalid string 123 \(write it in quotes: "123"\)/ },
  { name: "boolean", text: "true", want: /invalid string true/ },
  { name: "YAML 1.1 boolean", text: "yes", want: /write it in quotes: "yes"/ },
  { name: "short YAML 1.1 boolean", text: "y", want: /write it in quotes: "y"/ },
  {
    name: "null, which is leaving it out",
    text: "null",
    want: /name: value length must be at least 1/,
  },
];
for (const row of STRINGS) {
  Deno.test(`string as ${row.name}`, () => {
    assertMatch(verdict(cluster(`name: ${row.text}, type: STATIC`)), row.want);
  });
}

const BOOLEANS = [
  { text: "on", want: "ok" },
  { text: "On", want: "ok" },
  { text: "YES", want: "ok" },
  { text: '"true"', want: "ok" },
  { text: "oN", want: 'invalid bool "oN"' },
  { text: "1", want: "invalid bool 1" },
];
for (const row of BOOLEANS) {
  Deno.test(`bool as ${row.text}`, () => {
    const got = verdict(cluster(`name: a, type: STATIC, respect_dns_ttl: ${row.text}`));
    assertEquals(got.replace(/^.*respect_dns_ttl: /, ""), row.want);
  });
}

const DURATIONS = [
  { text: "0.25s", want: /^ok/ },
  { text: "1.000000001s", want: /^ok/ },
  { text: "{ seconds: 1 }", want: /^ok/ },
  { text: "1", want: /seconds end in s: "1s"/ },
  { text: "250ms", want: /write it in seconds, as in "0.25s"/ },
  { text: "5m", want: /write it in seconds, as in "300s"/ },
  { text: ".5s", want: /invalid duration/ },
  { text: "1.s", want: /invalid duration/ },
  { text: "1.0000000001s", want: /invalid duration/ },
  { text: "[1s]", want: /invalid duration a list/ },
  { text: "315576000001s", want: /out of range/ },
  { text: "0s", want: /value must be greater than 0s/ },
  { text: "-1s", want: /value must be greater than 0s/ },
  { text: "{}", want: /value must be greater than 0s/ },
];
for (const row of DURATIONS) {
  Deno.test(`duration as ${row.text}`, () => {
    assertMatch(verdict(cluster(`name: a, type: STATIC, connect_timeout: ${row.text}`)), row.want);
  });
}

const ENUMS = [
  { text: "STATIC", want: /^ok/ },
  { text: "static", want: /^ok/ },
  { text: "0", want: /^ok/ },
  { text: '"0"', want: /^ok/ },
  { text: "STATICC", want: /did you mean "STATIC"\?/ },
  { text: "NEITHER", want: /one of STATIC, STRICT_DNS/ },
  { text: "99", want: /value must be one of the defined enum values/ },
  { text: "{}", want: /expected envoy.config.cluster.v3.Cluster.DiscoveryType, found a map/ },
];
for (const row of ENUMS) {
  Deno.test(`enum as ${row.text}`, () => {
    assertMatch(verdict(cluster(`name: a, type: ${row.text}`)), row.want);
  });
}

const DOUBLES = [
  { text: "50.5", want: /^ok/ },
  { text: '"50.5"', want: /^ok/ },
  { text: "150", want: /value must be inside range \[0, 100\]/ },
  { text: "1e999", want: /invalid double "1e999"/ },
  { text: "half", want: /invalid double "half"/ },
];
for (const row of DOUBLES) {
  Deno.test(`double as ${row.text}`, () => {
    const config = `common_lb_config: { healthy_panic_threshold: { value: ${row.text} } }`;
    assertMatch(verdict(cluster(`name: a, type: STATIC, ${config}`)), row.want);
  });
}

const BYTES = [
  { text: "aGk=", want: /^ok/ },
  { text: "-_-_", want: /^ok/ },
  { text: '"***"', want: /bytes are written in base64/ },
];
for (const row of BYTES) {
  Deno.test(`bytes as ${row.text}`, () => {
    const check =
      `health_checks: [{ timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: { send: { binary: ${row.text} } } }]`;
    assertMatch(verdict(cluster(`name: a, type: STATIC, ${check}`)), row.want);
  });
}
