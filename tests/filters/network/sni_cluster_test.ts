/** The SNI cluster filter. */

import { sniClusterFactory } from "../../../src/filters/network/sni_cluster.ts";
import { assertEquals } from "../../support/assert.ts";
import { OneFilter } from "./harness.ts";

for (
  const { name, requestedServerName, want } of [
    { name: "names the cluster by the server name", requestedServerName: "a.test", want: "a.test" },
    { name: "leaves a connection without one alone", requestedServerName: "", want: undefined },
  ]
) {
  Deno.test(`sni_cluster ${name}`, async () => {
    const one = await OneFilter.create(sniClusterFactory, {}, { requestedServerName });
    assertEquals(one.open(), "continue");
    assertEquals(one.info.filterState?.get("envoy.tcp_proxy.cluster")?.serialize(), want);
    assertEquals(one.filter.onData(new Uint8Array(1), false), "continue");
  });
}
