/** The filter contract: order, stops, buffers and their limits, local replies, per-route switches. */

import type { FilterCallbacks } from "../../src/filter_chain/mod.ts";
import { HeaderMap } from "../../src/http/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { bytesOf, ChainHarness, type FilterScript } from "./harness.ts";

/** Passes everything on. */
const pass = (name: string): FilterScript => ({
  name,
  decodeHeaders: () => "continue",
  decodeData: () => "continue",
  decodeTrailers: () => "continue",
  encodeHeaders: () => "continue",
  encodeData: () => "continue",
  encodeTrailers: () => "continue",
});

/** The terminal filter, as the router acts. */
const last: FilterScript = {
  name: "last",
  decodeHeaders: () => "stop_iteration",
  decodeData: () => "stop_no_buffer",
  decodeTrailers: () => "stop_iteration",
};

const request = (): HeaderMap => HeaderMap.of([":method", "POST"], [":path", "/"]);
const status = (code: number): HeaderMap => HeaderMap.of([":status", String(code)]);

Deno.test("Decode hooks run in order, encode hooks in reverse", () => {
  const chain = new ChainHarness([pass("a"), pass("b"), last]);
  chain.begin(request(), false);
  chain.data("x", false);
  chain.manager.decodeTrailers(new HeaderMap());
  assertEquals(chain.take(), [
    "a headers",
    "b headers",
    "last headers",
    'a data "x"',
    'b data "x"',
    'last data "x"',
    "a trailers",
    "b trailers",
    "last trailers",
  ]);
  chain.at("last").encodeHeaders(status(200), false);
  chain.at("last").encodeData(bytesOf("y"), false);
  chain.at("last").encodeTrailers(new HeaderMap());
  assertEquals(chain.take(), [
    "b response 200",
    "a response 200",
    "-> 200",
    'b response data "y"',
    'a response data "y"',
    '-> "y"',
    "b response trailers",
    "a response trailers",
    "-> trailers",
  ]);
});

Deno.test("A filter without a hook is skipped", () => {
  const chain = new ChainHarness([
    { name: "only_data", decodeData: () => "continue" },
    { name: "only_response", encodeHeaders: () => "continue" },
    last,
  ]);
  chain.begin(request(), false);
  chain.data("x", true);
  chain.at("last").encodeHeaders(status(204), true);
  assertEquals(chain.take(), [
    "last headers",
    'only_data data "x" end',
    'last data "x" end',
    "only_response response 204 end",
    "-> 204 end",
  ]);
});

Deno.test("stop_iteration holds the headers; data still comes, and continue sends both on", () => {
  const chain = new ChainHarness([
    { name: "a", decodeHeaders: () => "stop_iteration", decodeData: () => "stop_and_buffer" },
    last,
  ]);
  chain.begin(request(), false);
  chain.data("x", false);
  chain.data("y", true);
  assertEquals(chain.take(), ["a headers", 'a data "x"', 'a data "y" end']);
  assertEquals(new TextDecoder().decode(chain.at("a").decodingBuffer), "xy");
  chain.at("a").continueDecoding();
  assertEquals(chain.take(), ["last headers", 'last data "xy" end']);
});

Deno.test("A data hook that says continue resumes a filter that stopped at its headers", () => {
  const chain = new ChainHarness([
    {
      name: "a",
      decodeHeaders: () => "stop_iteration",
      decodeData: (_it, _text, end) => end ? "continue" : "stop_and_buffer",
    },
    last,
  ]);
  chain.begin(request(), false);
  chain.data("x", false);
  chain.data("y", true);
  assertEquals(chain.take(), [
    "a headers",
    'a data "x"',
    'a data "y" end',
    "last headers",
    'last data "xy" end',
  ]);
});

Deno.test("stop_all_iteration keeps data from the filter itself until it continues", () => {
  const chain = new ChainHarness([
    { name: "a", decodeHeaders: () => "stop_all_iteration", decodeData: () => "continue" },
    last,
  ]);
  chain.begin(request(), false);
  chain.data("x", false);
  chain.data("y", true);
  assertEquals(chain.take(), ["a headers"]);
  chain.at("a").continueDecoding();
  assertEquals(chain.take(), ["last headers", 'a data "xy" end', 'last data "xy" end']);
});

Deno.test("Trailers wait for a stopped filter", () => {
  const chain = new ChainHarness([{ name: "a", decodeHeaders: () => "stop_all_iteration" }, last]);
  chain.begin(request(), false);
  chain.data("x", false);
  chain.manager.decodeTrailers(new HeaderMap());
  chain.at("a").continueDecoding();
  assertEquals(chain.take(), ["a headers", "last headers", 'last data "x"', "last trailers"]);
});

Deno.test("A stopped filter without a data hook stays stopped (no bypass)", () => {
  const chain = new ChainHarness([{ name: "a", decodeHeaders: () => "stop_iteration" }, last]);
  chain.begin(request(), false);
  chain.data("x", true);
  assertEquals(chain.take(), ["a headers"]);
  chain.at("a").continueDecoding();
  assertEquals(chain.take(), ["last headers", 'last data "x" end']);
});

Deno.test("An empty last frame is not lost on a stopped filter", () => {
  const chain = new ChainHarness([
    { name: "a", decodeHeaders: () => "stop_iteration", decodeData: () => "stop_no_buffer" },
    last,
  ]);
  chain.begin(request(), false);
  chain.data("", true);
  chain.at("a").continueDecoding();
  assertEquals(chain.take(), ["a headers", 'a data "" end', "last headers", 'last data "" end']);
});

Deno.test("addDecodedData gives a body to a request without one", () => {
  const chain = new ChainHarness([
    {
      name: "a",
      decodeHeaders: (it) => {
        it.addDecodedData(bytesOf("new"));
        return "continue";
      },
    },
    last,
  ]);
  chain.begin(request(), true);
  assertEquals(chain.take(), ["a headers end", "last headers", 'last data "new" end']);
});

Deno.test("Two filters may hold the same body one after the other", () => {
  const hold = (name: string): FilterScript => ({
    name,
    decodeHeaders: () => "stop_iteration",
    decodeData: () => "stop_and_buffer",
  });
  const chain = new ChainHarness([hold("a"), hold("b"), last]);
  chain.begin(request(), false);
  chain.data("x", true);
  chain.at("a").continueDecoding();
  assertEquals(chain.take(), ["a headers", 'a data "x" end', "b headers", 'b data "x" end']);
  chain.at("b").continueDecoding();
  assertEquals(chain.take(), ["last headers", 'last data "x" end']);
});

Deno.test("A request buffer over its limit is 413, and nothing more is decoded", () => {
  const chain = new ChainHarness([
    { name: "a", decodeHeaders: () => "stop_iteration", decodeData: () => "stop_and_buffer" },
    last,
  ], 4);
  chain.begin(request(), false);
  chain.data("xxxx", false);
  assertEquals(chain.take(), ["a headers", 'a data "xxxx"']);
  chain.data("y", false);
  assertEquals(chain.take(), [
    'a data "y"',
    "request too large",
    "-> 413",
    '-> "Payload Too Large" end',
  ]);
  assertEquals(chain.streamInfo.responseCodeDetails, "request_payload_too_large");
  chain.data("z", true);
  assertEquals(chain.take(), []);
});

Deno.test("stop_and_watermark pauses the source instead, and resumes it with the filter", () => {
  const chain = new ChainHarness([
    { name: "a", decodeHeaders: () => "stop_iteration", decodeData: () => "stop_and_watermark" },
    last,
  ], 4);
  chain.begin(request(), false);
  chain.data("xxxxx", false);
  assertEquals(chain.take(), ["a headers", 'a data "xxxxx"', "pause"]);
  chain.at("a").continueDecoding();
  assertEquals(chain.take(), ["last headers", "resume", 'last data "xxxxx"']);
});

Deno.test("A response buffer over its limit is 500 past the filters", () => {
  const chain = new ChainHarness([
    {
      name: "a",
      encodeHeaders: () => "stop_iteration",
      encodeData: () => "stop_and_buffer",
    },
    last,
  ], 4);
  chain.begin(request(), true);
  chain.at("last").encodeHeaders(status(200), false);
  chain.at("last").encodeData(bytesOf("xxxxx"), true);
  assertEquals(chain.take(), [
    "last headers end",
    "a response 200",
    'a response data "xxxxx" end',
    "response too large",
    "-> 500",
    '-> "Internal Server Error" end',
  ]);
});

Deno.test("A local reply within a hook is sent after it, through all response filters", () => {
  const chain = new ChainHarness([
    pass("a"),
    {
      name: "deny",
      decodeHeaders: (it) => {
        it.sendLocalReply({ status: 403, body: "no", details: "denied" });
        return "stop_iteration";
      },
      encodeHeaders: () => "continue",
    },
    pass("b"),
    last,
  ]);
  chain.begin(request(), true);
  assertEquals(chain.take(), [
    "a headers end",
    "deny headers end",
    "b response 403",
    "deny response 403",
    "a response 403",
    "-> 403",
    'b response data "no" end',
    'a response data "no" end',
    '-> "no" end',
  ]);
  assertEquals(chain.streamInfo.responseCodeDetails, "denied");
});

Deno.test("A local reply stops the chain even if its filter says continue", () => {
  const chain = new ChainHarness([
    {
      name: "deny",
      decodeHeaders: (it) => {
        it.sendLocalReply({ status: 403, body: "", details: "denied" });
        return "continue";
      },
    },
    last,
  ]);
  chain.begin(request(), true);
  assertEquals(chain.take(), ["deny headers end", "-> 403 end"]);
});

Deno.test("A local reply after response headers went out is a reset", () => {
  const chain = new ChainHarness([last]);
  chain.begin(request(), true);
  chain.at("last").encodeHeaders(status(200), false);
  chain.at("last").sendLocalReply({ status: 504, body: "late", details: "timeout" });
  assertEquals(chain.take(), ["last headers end", "-> 200", "reset timeout"]);
});

Deno.test("A local reply while a filter holds the response head replaces it", () => {
  const chain = new ChainHarness([{ name: "a", encodeHeaders: () => "stop_iteration" }, last]);
  chain.begin(request(), true);
  chain.at("last").encodeHeaders(status(200), true);
  chain.at("last").sendLocalReply({ status: 504, body: "late", details: "timeout" });
  assertEquals(chain.take(), ["last headers end", "a response 200 end", "-> 504", '-> "late" end']);
});

Deno.test("Disabled filters: in the chain, by the route, and switched on again by it", () => {
  const chain = new ChainHarness([
    { ...pass("off"), isDisabled: true },
    { ...pass("off_but_configured"), isDisabled: true },
    pass("off_by_route"),
    last,
  ]);
  chain.perFilter = {
    off_but_configured: {
      disabled: false,
      configs: ["mine", "another filter's"],
      types: ["route config", "t"],
    },
    last: { disabled: false, configs: ["another filter's", "mine"], types: ["t", "route config"] },
    off_by_route: { disabled: true, configs: [], types: [] },
  };
  chain.begin(request(), true);
  assertEquals(chain.take(), ["off_but_configured headers end", "last headers end"]);
  assertEquals(chain.at("off_but_configured").routeConfig<string>(), "mine");
  assertEquals(chain.at("last").routeConfig<string>(), undefined);
  assertEquals(chain.at("last").routeConfigs<string>(), ["mine"]);
  assertEquals(chain.at("off_but_configured").routeConfigs<string>(), ["mine"]);
});

Deno.test("Interim responses pass until the response begins", () => {
  const chain = new ChainHarness([last]);
  chain.begin(request(), false);
  chain.at("last").encode1xxHeaders(status(103));
  chain.at("last").encodeHeaders(status(200), true);
  chain.at("last").encode1xxHeaders(status(103));
  assertEquals(chain.take(), ["last headers", "-> 103", "-> 200 end"]);
});

Deno.test("Watermarks of the downstream reach who asks later, too", () => {
  const chain = new ChainHarness([last]);
  chain.begin(request(), false);
  chain.manager.onAboveWatermark();
  const calls: string[] = [];
  const callbacks = {
    onAboveWriteBufferHighWatermark: () => void calls.push("above"),
    onBelowWriteBufferLowWatermark: () => void calls.push("below"),
  };
  chain.at("last").addDownstreamWatermarkCallbacks(callbacks);
  chain.manager.onBelowWatermark();
  chain.at("last").removeDownstreamWatermarkCallbacks(callbacks);
  chain.manager.onAboveWatermark();
  assertEquals(calls, ["above", "below"]);
});

Deno.test("Nothing is called after destroy", () => {
  const chain = new ChainHarness([{ name: "a", decodeHeaders: () => "stop_iteration" }, last]);
  chain.begin(request(), false);
  const callbacks: FilterCallbacks = chain.at("a");
  chain.manager.destroy();
  chain.take();
  callbacks.continueDecoding();
  callbacks.encodeHeaders(status(200), true);
  callbacks.sendLocalReply({ status: 500, body: "", details: "late" });
  chain.data("x", true);
  assertEquals(chain.take(), []);
});

Deno.test("Continuing without a stop is our bug and says so", () => {
  const chain = new ChainHarness([pass("a"), last]);
  chain.begin(request(), false);
  assertThrows(() => chain.at("a").continueDecoding(), /had not stopped/);
});

Deno.test("A reply before any filter exists still passes the response filters", () => {
  const chain = new ChainHarness([pass("a"), last]);
  chain.manager.sendLocalReply({ status: 400, body: "", details: "early" });
  assertEquals(chain.take(), ["a response 400 end", "-> 400 end"]);
});
