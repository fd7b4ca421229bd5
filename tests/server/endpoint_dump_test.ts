import type { ClusterSnapshot, HostSnapshot } from "../../src/upstream/mod.ts";
import { endpointDump } from "../../src/server/endpoint_dump.ts";
import { assertEquals } from "../support/assert.ts";

function host(port: number, more: Partial<HostSnapshot> = {}): HostSnapshot {
  return {
    address: { kind: "ip", host: "10.0.0.1", port },
    hostname: "",
    weight: 1,
    priority: 0,
    locality: { region: "", zone: "", subZone: "", weight: 0 } as HostSnapshot["locality"],
    isCanary: false,
    metadata: undefined,
    healthFlags: 0,
    healthText: "healthy",
    successRate: -1,
    localOriginSuccessRate: -1,
    edsHealthStatus: 0,
    stats: [],
    ...more,
  };
}

function dump(...hosts: HostSnapshot[]) {
  const cluster = { name: "c", hosts } as Partial<ClusterSnapshot> as ClusterSnapshot;
  return endpointDump([cluster])[0] as unknown as {
    cluster_name: string;
    endpoints: { locality: object; priority?: number; lb_endpoints: Record<string, unknown>[] }[];
  };
}

Deno.test("endpointDump names the cluster and prints a host as Envoy does", () => {
  const assignment = dump(host(80, { hostname: "a.test", weight: 3 }));
  assertEquals(assignment.cluster_name, "c");
  assertEquals(assignment.endpoints, [{
    locality: {},
    lb_endpoints: [{
      endpoint: {
        address: { socket_address: { address: "10.0.0.1", port_value: 80 } },
        health_check_config: {},
        hostname: "a.test",
      },
      health_status: "HEALTHY",
      load_balancing_weight: 3,
    }],
    load_balancing_weight: 0,
  }]);
});

Deno.test("endpointDump groups hosts by priority and locality, in order of appearance", () => {
  const west = { region: "eu", zone: "west", subZone: "" } as HostSnapshot["locality"];
  const { endpoints } = dump(
    host(1, { locality: west }),
    host(2),
    host(3, { locality: west }),
    host(4, { locality: west, priority: 1 }),
  );
  assertEquals(
    endpoints.map((group) => [group.locality, group.priority, group.lb_endpoints.length]),
    [
      [{ region: "eu", zone: "west" }, undefined, 2],
      [{}, undefined, 1],
      [{ region: "eu", zone: "west" }, 1, 1],
    ],
  );
});

for (
  const [flags, want] of [[0, "HEALTHY"], [1 << 0, "UNHEALTHY"], [1 << 1, "UNHEALTHY"], [
    1 << 3,
    "DEGRADED",
  ]] as const
) {
  Deno.test(`endpointDump prints health flags ${flags} as ${want}`, () => {
    assertEquals(
      dump(host(1, { healthFlags: flags })).endpoints[0]!.lb_endpoints[0]!["health_status"],
      want,
    );
  });
}

Deno.test("endpointDump prints metadata where there is some", () => {
  const [group] = dump(host(1, { metadata: { "envoy.lb": { canary: true } } })).endpoints;
  assertEquals(group!.lb_endpoints[0]!["metadata"], {
    filter_metadata: { "envoy.lb": { canary: true } },
  });
});
