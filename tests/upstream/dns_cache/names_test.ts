// Host names with ports, as Envoy's `normalizeHostForDfp` and `parseAuthority` read them.

import { isTooLong, splitHost, withPort } from "../../../src/upstream/dns_cache/names.ts";
import { assertEquals } from "../../support/assert.ts";

const ROWS = [
  { name: "a plain name", input: "a.test", key: "a.test:80", host: "a.test", port: 80 },
  { name: "a port", input: "a.test:8080", key: "a.test:8080", host: "a.test", port: 8080 },
  { name: "capitals, which stay", input: "A.Test", key: "A.Test:80", host: "A.Test", port: 80 },
  { name: "IPv4", input: "127.0.0.1:1", key: "127.0.0.1:1", host: "127.0.0.1", port: 1 },
  { name: "IPv6", input: "[fc00::1]", key: "[fc00::1]:80", host: "fc00::1", port: 80 },
  {
    name: "IPv6 with a port",
    input: "[fc00::1]:443",
    key: "[fc00::1]:443",
    host: "fc00::1",
    port: 443,
  },
  { name: "an empty port", input: "a.test:", key: "a.test:", host: "a.test", port: 80 },
  { name: "a port that is none", input: "a.test:x", key: "a.test:x", host: "a.test", port: 80 },
  {
    name: "a port out of range",
    input: "a.test:65536",
    key: "a.test:65536",
    host: "a.test",
    port: 80,
  },
] as const;

for (const { name, input, key, host, port } of ROWS) {
  Deno.test(`a DNS cache keys ${name}`, () => {
    assertEquals(withPort(input, 80), key);
    assertEquals(splitHost(key, 80), { host, port });
  });
}

Deno.test("a name is too long beyond what DNS and a port can have (memory exhaustion)", () => {
  assertEquals([isTooLong("a".repeat(263)), isTooLong("a".repeat(264))], [false, true]);
});
