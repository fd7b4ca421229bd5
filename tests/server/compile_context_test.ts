import { compileContext, serverFacts } from "../../src/server/compile_context.ts";
import { Extensions } from "../../src/server/extensions.ts";
import { REGISTRIES } from "../../src/server/registries.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";

function context(services: ReadonlyMap<string, unknown>, extensions = new Extensions(REGISTRIES)) {
  const { problems, dispatcher, scope, runtime, server } = fakeContext();
  return compileContext({
    problems,
    dispatcher,
    scope,
    runtime,
    server,
    extensions,
    services,
    worker: 2,
    isCheckOnly: true,
  });
}

Deno.test("compileContext hands out services; one that nobody put in is our bug", () => {
  const service = {};
  const compiled = context(new Map([["there", service]]));
  assertEquals(compiled.service("there"), service);
  assertThrows(() => compiled.service("elsewhere"), /No service "elsewhere"/);
  assertEquals([compiled.worker, compiled.isCheckOnly], [2, true]);
});

Deno.test("compileContext finds services that are put in after it", () => {
  const services = new Map<string, unknown>();
  const compiled = context(services);
  services.set("late", 1);
  assertEquals(compiled.service("late"), 1);
});

Deno.test("extensions are found by category and type, once they are loaded", async () => {
  const extensions = new Extensions(REGISTRIES);
  const compiled = context(new Map(), extensions);
  const router = "envoy.extensions.filters.http.router.v3.Router";
  assertEquals(compiled.extension("http_filter", router), undefined);
  await extensions.load([router, "envoy.of.nobody"]);
  assertEquals(compiled.extension<{ type: string }>("http_filter", router)?.type, router);
  assertEquals(compiled.extension("network_filter", router), undefined);
  extensions.put("http_filter", "own", 7);
  assertEquals(compiled.extension("http_filter", "own"), 7);
});

Deno.test("serverFacts joins the node and the process", () => {
  const facts = serverFacts(
    {
      id: "n",
      cluster: "c",
      locality: { region: "r", zone: "z", subZone: "" },
      metadata: { a: 1 },
    },
    { hostname: "h", version: "1", drainTimeMs: 5, drainsAtOnce: true },
  );
  assertEquals(
    [facts.nodeId, facts.nodeCluster, facts.zone, facts.nodeMetadata, facts.hostname],
    ["n", "c", "z", { a: 1 }, "h"],
  );
  assertEquals([facts.version, facts.drainTimeMs, facts.drainsAtOnce], ["1", 5, true]);
});
