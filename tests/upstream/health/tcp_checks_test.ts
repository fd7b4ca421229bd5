// Active TCP checks: connecting alone, and bytes sent and awaited, split anywhere.

import { assertEquals } from "../../support/assert.ts";
import { assignment, Bench, endpoint } from "../support.ts";

async function checked(tcp: object): Promise<Bench> {
  const bench = new Bench();
  await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1)] }),
    health_checks: [{
      timeout: "1s",
      interval: "10s",
      no_traffic_interval: "10s",
      unhealthy_threshold: 1,
      healthy_threshold: 1,
      tcp_health_check: tcp,
    }],
  });
  bench.clusters.start();
  return bench;
}

function flags(bench: Bench): string {
  return bench.clusters.snapshot()[0]!.hosts[0]!.healthText;
}

const PING = { send: { text: "50494e47" }, receive: [{ text: "504f" }, { text: "4e47" }] };

Deno.test("connecting is enough where nothing is to be received", async () => {
  const bench = await checked({});
  bench.connections[0]!.connected();
  assertEquals([flags(bench), bench.connections[0]!.closedBy], ["healthy", "no_flush"]);
});

const ANSWER = "PO-NG";
for (let at = 0; at <= ANSWER.length; at++) {
  Deno.test(`an answer split at ${at}`, async () => {
    const bench = await checked(PING);
    const [connection] = bench.connections;
    connection!.connected();
    assertEquals(connection!.written(), "PING");
    connection!.receive(ANSWER.slice(0, at));
    if (at < ANSWER.length) assertEquals(flags(bench), "/failed_active_hc");
    connection!.receive(ANSWER.slice(at));
    assertEquals(flags(bench), "healthy");
    bench.advance(10_000);
    assertEquals([connection!.written(), bench.connections.length], ["PING", 1]);
  });
}

Deno.test("another answer times out", async () => {
  const bench = await checked(PING);
  bench.connections[0]!.connected();
  bench.connections[0]!.receive("WRONG");
  bench.advance(1_000);
  assertEquals(flags(bench), "/failed_active_hc/active_hc_timeout");
});

Deno.test("a peer that hangs up between two checks has failed", async () => {
  const bench = await checked(PING);
  bench.connections[0]!.connected();
  bench.connections[0]!.receive(ANSWER);
  bench.connections[0]!.endOfInput();
  assertEquals(flags(bench), "/failed_active_hc");
  assertEquals(bench.stat("health_check.network_failure"), 1);
});
