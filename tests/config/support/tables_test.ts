import { ACCESS_LOG_SUPPORT } from "../../../src/config/support/access_log.ts";
import { BOOTSTRAP_SUPPORT } from "../../../src/config/support/bootstrap.ts";
import { CLUSTER_SUPPORT } from "../../../src/config/support/cluster.ts";
import { CORE_SUPPORT } from "../../../src/config/support/core.ts";
import { HTTP_SUPPORT } from "../../../src/config/support/http.ts";
import { LISTENER_SUPPORT } from "../../../src/config/support/listener.ts";
import { MATCHING_SUPPORT } from "../../../src/config/support/matching.ts";
import { fieldsNamedBy, SUPPORT } from "../../../src/config/support/report.ts";
import { ROUTE_SUPPORT } from "../../../src/config/support/route.ts";
import type { MessageSupport } from "../../../src/config/support/table.ts";
import { TLS_SUPPORT } from "../../../src/config/support/tls.ts";
import { type FieldDescriptor, loadRegistry } from "../../../src/proto/registry.ts";
import { assertEquals } from "../../support/assert.ts";

const TABLES = [
  ACCESS_LOG_SUPPORT,
  BOOTSTRAP_SUPPORT,
  CLUSTER_SUPPORT,
  CORE_SUPPORT,
  HTTP_SUPPORT,
  LISTENER_SUPPORT,
  MATCHING_SUPPORT,
  ROUTE_SUPPORT,
  TLS_SUPPORT,
];
const registry = await loadRegistry();

function isActed(field: FieldDescriptor, support: MessageSupport): boolean {
  if (support.refused?.[field.name] !== undefined) return false;
  return support.acted === "*" || support.acted.split(" ").includes(field.name);
}

Deno.test("no message stands in two support tables", () => {
  const names = TABLES.flatMap((table) => Object.keys(table));
  assertEquals(names.length, new Set(names).size);
  assertEquals(names.length, Object.keys(SUPPORT).length);
});

Deno.test("every row is a message of Envoy's API and names only its fields", () => {
  const wrong: string[] = [];
  for (const [name, support] of Object.entries(SUPPORT)) {
    const type = registry.getMessage(name);
    if (type === undefined) wrong.push(name);
    else wrong.push(...fieldsNamedBy(support, type).map((field) => `${name}.${field}`));
  }
  assertEquals(wrong, []);
});

Deno.test("a field is acted on or missing or refused, one of them", () => {
  const wrong: string[] = [];
  for (const [name, { acted, missing, refused }] of Object.entries(SUPPORT)) {
    const all = [...acted.split(" "), ...Object.keys(missing ?? {}), ...Object.keys(refused ?? {})];
    if (new Set(all).size !== all.length) wrong.push(name);
  }
  assertEquals(wrong, []);
});

Deno.test("every message below a field that is acted on has a row", () => {
  const without = new Set<string>();
  for (const [name, support] of Object.entries(SUPPORT)) {
    for (const field of registry.getMessage(name)?.fields ?? []) {
      const child = field.message?.typeName;
      if (child === undefined || child.startsWith("google.protobuf.")) continue;
      if (isActed(field, support) && SUPPORT[child] === undefined) {
        without.add(`${name}.${field.name}`);
      }
    }
  }
  assertEquals([...without], []);
});

Deno.test("every field that is not acted on says what is missed", () => {
  const silent: string[] = [];
  for (const [name, support] of Object.entries(SUPPORT)) {
    for (const field of registry.getMessage(name)?.fields ?? []) {
      const effect = support.missing?.[field.name] ?? support.refused?.[field.name];
      if (!isActed(field, support) && effect === undefined) silent.push(`${name}.${field.name}`);
    }
  }
  assertEquals(silent, [
    // Data of discovery, below fields that are refused as a whole.
    "envoy.config.core.v3.ConfigSource.authorities",
  ]);
});
