/** The token bucket before a connection's first byte. */

import type { AcceptedSocket, ListenerFilterStatus } from "../../../src/filter_chain/mod.ts";
import { localRatelimit } from "../../../src/filters/listener/local_ratelimit.ts";
import { assertEquals, assertMatch } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { fakeContext } from "../../support/fakes/compile_context.ts";
import { decodeMessage } from "../../support/messages.ts";

const BUCKET = { max_tokens: 2, tokens_per_fill: 1, fill_interval: "1s" };

/** A compiled filter, one instance a connection as the listener makes them. */
async function limiter(config: object, runtime: ReadonlyMap<string, unknown> = new Map()) {
  const clock = new FakeClock();
  const { message } = await decodeMessage<object>(localRatelimit.type, {
    stat_prefix: "edge",
    token_bucket: BUCKET,
    ...config,
  });
  const context = fakeContext({ dispatcher: { clock, sleeper: clock }, runtime });
  const compiled = localRatelimit.compile(message, context, { scope: context.scope });
  return {
    clock,
    limited: () => context.stats.counter("listener_local_ratelimit.edge.rate_limited").value,
    accept: (): ListenerFilterStatus =>
      localRatelimit.create(compiled, undefined as unknown as AcceptedSocket).onAccept(),
  };
}

/** Waits in milliseconds, each followed by one connection: 1 is let in, 0 is not. */
const ROWS = [
  {
    name: "takes what the bucket holds",
    waits: [0, 0, 0],
    want: [1, 1, 0],
  },
  { name: "fills by whole intervals", waits: [0, 0, 999, 1], want: [1, 1, 0, 1] },
  { name: "fills one a fill only", waits: [0, 0, 1000, 0], want: [1, 1, 1, 0] },
  { name: "fills several after a while", waits: [0, 0, 2000, 0, 0], want: [1, 1, 1, 1, 0] },
  { name: "never holds more than its maximum", waits: [60_000, 0, 0], want: [1, 1, 0] },
  { name: "keeps the rest of an interval", waits: [0, 0, 1500, 500], want: [1, 1, 1, 1] },
] as const;

for (const { name, waits, want } of ROWS) {
  Deno.test(`local_ratelimit ${name}`, async () => {
    const { accept, clock, limited } = await limiter({});
    const answers = waits.map((wait) => {
      clock.advance(wait);
      return accept();
    });
    const words = want.map((one) => one === 1 ? "continue" : "close");
    assertEquals(answers, words);
    assertEquals(limited(), words.filter((word) => word === "close").length);
  });
}

const RUNTIME_ROWS = [
  { name: "off by default", values: new Map(), byDefault: false, want: "continue" },
  { name: "on by default", values: new Map(), byDefault: true, want: "close" },
  {
    name: "off at runtime",
    values: new Map([["limit.on", false]]),
    byDefault: true,
    want: "continue",
  },
  { name: "on at runtime", values: new Map([["limit.on", true]]), byDefault: false, want: "close" },
] as const;

for (const { name, values, byDefault, want } of RUNTIME_ROWS) {
  Deno.test(`local_ratelimit ${name}`, async () => {
    const enabled = { runtime_key: "limit.on", default_value: byDefault };
    const { accept } = await limiter({ runtime_enabled: enabled }, values);
    accept();
    accept();
    assertEquals(accept(), want);
  });
}

Deno.test("local_ratelimit refuses to fill more often than every 50 ms, as Envoy does", async () => {
  const { message } = await decodeMessage<object>(localRatelimit.type, {
    stat_prefix: "edge",
    token_bucket: { ...BUCKET, fill_interval: "0.049s" },
  });
  const texts: string[] = [];
  const context = fakeContext({
    problems: {
      error: (_message, field, text) => void texts.push(`${field}: ${text}`),
      unsupported() {},
      warn() {},
    },
  });
  localRatelimit.compile(message, context, { scope: context.scope });
  assertEquals(texts.length, 1);
  assertMatch(texts[0]!, /^fill_interval: .*>= 50ms$/);
});
