import { decode } from "./builders.ts";
import { assertEquals } from "../support/assert.ts";

function clusterNames(text: string, over: string): string[] {
  return decode(text, { over }).bootstrap.staticResources!.clusters.map(({ name }) => name);
}

Deno.test("--config-yaml: lists are joined", () => {
  const names = clusterNames(
    "static_resources: { clusters: [{ name: a }] }",
    "static_resources: { clusters: [{ name: b }] }",
  );
  assertEquals(names, ["a", "b"]);
});

Deno.test("--config-yaml: scalars that are set win, others stay", () => {
  const { node } = decode("node: { id: a, cluster: b }", { over: "node: { id: c }" }).bootstrap;
  assertEquals([node!.id, node!.cluster], ["c", "b"]);
});

Deno.test("--config-yaml: Struct keys are joined", () => {
  const { node } = decode("node: { metadata: { a: 1, b: 1 } }", {
    over: "node: { metadata: { b: 2 } }",
  }).bootstrap;
  assertEquals(node!.metadata, { a: 1, b: 2 });
});

Deno.test("--config-yaml: another member of a oneof replaces the first", () => {
  const { admin } = decode("admin: { address: { pipe: { path: /x } } }", {
    over: "admin: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } }",
  }).bootstrap;
  assertEquals(admin!.address!.address.case, "socketAddress");
});

Deno.test("--config-yaml: the same member is merged", () => {
  const { admin } = decode(
    "admin: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } }",
    { over: "admin: { address: { socket_address: { port_value: 2 } } }" },
  ).bootstrap;
  const socket = admin!.address!.address.value as { address: string; portSpecifier: unknown };
  assertEquals([socket.address, socket.portSpecifier], ["127.0.0.1", {
    case: "portValue",
    value: 2,
  }]);
});

Deno.test("--config-yaml: a problem names the text it stands in", () => {
  const { problems } = decode("node: { id: a }", { over: "nod: {}" });
  assertEquals(problems.map((p) => `${p.file}:${p.line}:${p.column} ${p.path}`), [
    "--config-yaml:1:1 nod",
  ]);
});

Deno.test("--config-yaml alone is a configuration", () => {
  const { bootstrap, problems } = decode("", { file: "", over: "node: { id: a }" });
  assertEquals([bootstrap.node!.id, problems.length], ["a", 0]);
});
