// Hosts that requests name themselves.

import { assertEquals } from "../../support/assert.ts";
import { formatAddress } from "../../../src/base/mod.ts";
import { HeaderMap } from "../../../src/http/mod.ts";
import type { LoadBalancerContext, WorkerCluster } from "../../../src/upstream/mod.ts";
import { fakeStreamInfo } from "../../support/fakes/stream_info.ts";
import { assignment, Bench, endpoint, policyOf } from "../support.ts";

const three = assignment({ lb_endpoints: [1, 2, 3].map((port) => endpoint(port)) });

function policy(sources: readonly object[]): object {
  return {
    ...three,
    load_balancing_policy: policyOf("override_host", "OverrideHost", {
      override_host_sources: sources,
      fallback_policy: policyOf("ring_hash", "RingHash"),
    }),
  };
}

/** The ports of one stream's attempts; the policy behind gives the port of hash 0. */
function attempts(
  cluster: WorkerCluster,
  count: number,
  request: { readonly header?: string; readonly metadata?: string },
): string[] {
  const headers = new HeaderMap();
  if (request.header !== undefined) headers.add("x-host", request.header);
  const streamInfo = fakeStreamInfo();
  if (request.metadata !== undefined) {
    streamInfo.dynamicMetadata = { lb: { to: { host: request.metadata } } };
  }
  const context: LoadBalancerContext = {
    hash: () => 0n,
    requestHeaders: headers,
    metadataMatch: undefined,
    shouldSelectAnotherHost: () => false,
    hostSelectionRetryCount: 1,
    streamInfo,
  };
  return Array.from(
    { length: count },
    () => formatAddress(cluster.chooseHost(context)!.address).split(":")[1]!,
  );
}

const HEADER = { header: "X-Host" };
const METADATA = { metadata: { key: "lb", path: [{ key: "to" }, { key: "host" }] } };
const LISTS = [
  { name: "a header", sources: [HEADER], request: { header: "127.0.0.1:2" }, want: ["2"] },
  { name: "metadata", sources: [METADATA], request: { metadata: "127.0.0.1:3" }, want: ["3"] },
  {
    name: "the first source that names any",
    sources: [METADATA, HEADER],
    request: { header: "127.0.0.1:2" },
    want: ["2"],
  },
  {
    name: "attempts take the list in turn",
    sources: [HEADER],
    request: { header: "127.0.0.1:2, 127.0.0.1:1" },
    want: ["2", "1"],
  },
  {
    name: "unknown addresses are left out",
    sources: [HEADER],
    request: { header: "127.0.0.1:9,127.0.0.1:3" },
    want: ["3"],
  },
];
for (const row of LISTS) {
  Deno.test(`override host: ${row.name}, then the policy behind`, async () => {
    const cluster = await new Bench().add(policy(row.sources));
    const behind = attempts(cluster, 1, {});
    assertEquals(attempts(cluster, row.want.length + 1, row.request), [...row.want, ...behind]);
  });
}
