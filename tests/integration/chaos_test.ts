/**
 * Real upstreams that die, stall, reset and leave DNS, one after the other and at once, behind
 * retries, ejection and health checks, under an open-loop load. Clients see next to nothing of it,
 * the event logs tell all of it, and afterwards nothing is held that was not held before.
 *
 * No verdict depends on speed. Each step waits for what the policy must bring about, within a limit
 * that only a hang reaches; a machine that cannot make the load gets a lower one, and says so.
 */

import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";
import {
  BREAKER_LIMIT,
  CHAOS_CONFIG,
  CLUSTERS,
  HEALTH_LOG,
  OUTLIER_LOG,
} from "../support/chaos/config.ts";
import { DnsServer } from "../support/chaos/dns_server.ts";
import {
  eventsOf,
  type HostEvent,
  readHealthLog,
  readOutlierLog,
} from "../support/chaos/event_log.ts";
import { HttpLoad, LOWEST_RATE } from "../support/chaos/http_load.ts";
import { TcpLoad } from "../support/chaos/tcp_load.ts";
import { UpstreamProcess } from "../support/chaos/upstream_process.ts";
import { Doctor, type VitalSigns } from "../support/chaos/vital_signs.ts";
import { freePort, type RunningProxy, startProxy } from "../support/proxy.ts";
import { untilWithin } from "../support/until.ts";

const RATE_PER_S = Number(Deno.env.get("DENVOY_CHAOS_RATE") ?? 2000);
const LOAD_MS = 30_000;
const WARM_UP_MS = 1_500;
const WARM_UP_ROUNDS = 4;
/** An answer takes 2 ms on an idle machine. */
const CALM_MS = 50;
/** A fault lasts so long at least, recovery so long before the next. */
const FAULT_MS = 2_000;
const REST_MS = 1_000;
const MAX_REQUESTS = 400_000;
const TCP_CLIENTS = 8;
const ERRORS_ALLOWED = 0.001;
const WORKERS = 2;
/** A few rounds of checks and look-ups. */
const WATCH_MS = 1_000;
const ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4"] as const;
/** Code and statistics of what comes up first; 100 bytes of each of 30,000 requests are as much. */
const HEAP_GROWTH_BYTES = 3 << 20;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Its limit is reached by a hang only: the slowest step takes some 4 s on an idle machine. */
const until = untilWithin(60_000, { everyMs: 50 });

/** The stage with all that runs on it. */
class Chaos {
  readonly proxy: RunningProxy;
  readonly dns: DnsServer;
  readonly upstreams: readonly UpstreamProcess[];
  readonly #marks = { health: 0, outlier: 0 };
  ratePerS = RATE_PER_S;
  load: HttpLoad;
  tcp: TcpLoad;

  constructor(proxy: RunningProxy, dns: DnsServer, upstreams: readonly UpstreamProcess[]) {
    this.proxy = proxy;
    this.dns = dns;
    this.upstreams = upstreams;
    this.load = this.newLoad();
    this.tcp = new TcpLoad(proxy.ports["tcp"]!);
  }

  newLoad(): HttpLoad {
    return new HttpLoad({
      port: this.proxy.ports["http"]!,
      ratePerS: this.ratePerS,
      prefixes: ["/h1", "/h1", "/h1", "/h2"],
      maxRequests: MAX_REQUESTS,
    });
  }

  get healthEvents(): HostEvent[] {
    return readHealthLog(`${this.proxy.dir}/${HEALTH_LOG}`);
  }

  get outlierEvents(): HostEvent[] {
    return readOutlierLog(`${this.proxy.dir}/${OUTLIER_LOG}`);
  }

  /** What `told` looks at begins here. */
  mark(): void {
    this.#marks.health = this.healthEvents.length;
    this.#marks.outlier = this.outlierEvents.length;
  }

  /** Waits until the logs tell, since the mark, this of the host in each of the clusters. */
  told(kind: string, address: string, clusters: readonly string[] = CLUSTERS): Promise<void> {
    return until(`${address} is told to be ${kind}`, () => {
      const events = [
        ...this.healthEvents.slice(this.#marks.health),
        ...this.outlierEvents.slice(this.#marks.outlier),
      ];
      return clusters.every((cluster) =>
        eventsOf(events, cluster, address).some((event) => event.kind === kind)
      );
    });
  }

  /** Waits until the last that the logs tell of the host is this, in each of the clusters. */
  settles(kind: "healthy" | "UNEJECT", address: string): Promise<void> {
    const others = kind === "healthy" ? "unhealthy" : "EJECT";
    return until(`${address} is ${kind} and stays it`, () => {
      const events = kind === "healthy" ? this.healthEvents : this.outlierEvents;
      return CLUSTERS.every((cluster) =>
        eventsOf(events, cluster, address).findLast((event) =>
          event.kind === kind || event.kind === others
        )?.kind !== others
      );
    });
  }

  /** Waits until the host answers requests. */
  async serves(address: string): Promise<void> {
    const seen = (): number => this.load.counts.upstreams.get(address) ?? 0;
    const before = seen();
    await until(`${address} serves again`, () => seen() > before);
  }

  stats(names: readonly string[]): Promise<number[]> {
    return Promise.all(names.map((name) => this.proxy.stat(name)));
  }
}

/**
 * Sends until the code is warm, and lowers the rate until answers come without a queue: a load that
 * the machine cannot carry would show its collapse, not what faults do.
 * @returns requests sent
 */
async function warmUpLoad(chaos: Chaos): Promise<number> {
  let sent = 0;
  for (let round = 0;; round++) {
    chaos.load.start();
    await sleep(WARM_UP_MS);
    const { meanMs, ratePerS } = chaos.load;
    await chaos.load.stop();
    sent += chaos.load.counts.sent;
    const isCarried = meanMs < CALM_MS && ratePerS === chaos.ratePerS;
    if (isCarried || round === WARM_UP_ROUNDS) return sent;
    // The first round also compiles.
    if (round > 0) {
      chaos.ratePerS = Math.max(LOWEST_RATE, Math.min(ratePerS, chaos.ratePerS >> 1));
    }
    chaos.load = chaos.newLoad();
  }
}

/** Runs one fault from its start to the recovery, with the least times of both. */
async function fault(
  chaos: Chaos,
  steps: { readonly begin: () => Promise<void>; readonly end: () => Promise<void> },
): Promise<void> {
  chaos.mark();
  await Promise.all([steps.begin(), sleep(FAULT_MS)]);
  chaos.mark();
  await Promise.all([steps.end(), sleep(REST_MS)]);
}

async function faultsOneByOne(chaos: Chaos): Promise<void> {
  const [a, b, c] = chaos.upstreams as [UpstreamProcess, UpstreamProcess, UpstreamProcess];
  await fault(chaos, {
    begin: async () => {
      await a.kill();
      await chaos.told("unhealthy", a.address);
    },
    end: async () => {
      await a.start();
      await chaos.told("healthy", a.address);
      await chaos.serves(a.address);
    },
  });
  await fault(chaos, {
    begin: async () => {
      await b.become("stall");
      await chaos.told("unhealthy", b.address);
    },
    end: async () => {
      await b.become("answer");
      await chaos.told("healthy", b.address);
      await chaos.serves(b.address);
    },
  });
  // Checks pass all the time: only the requests show that something is wrong.
  await fault(chaos, {
    begin: async () => {
      await c.become("reset");
      await chaos.told("EJECT", c.address, ["h1", "h2"]);
    },
    end: async () => {
      await c.become("answer");
      await chaos.settles("UNEJECT", c.address);
      await chaos.serves(c.address);
    },
  });
}

async function dnsChanges(chaos: Chaos): Promise<void> {
  const members = CLUSTERS.map((name) => `cluster.${name}.membership_total`);
  const failures = CLUSTERS.map((name) => `cluster.${name}.update_failure`);
  const areAll = async (count: number): Promise<boolean> =>
    (await chaos.stats(members)).every((members) => members === count);
  const [first, second, third] = ADDRESSES;
  await fault(chaos, {
    begin: async () => {
      chaos.dns.set([first, second]);
      await until("the name has lost an address", () => areAll(2));
    },
    end: async () => {
      chaos.dns.set([first, second, third]);
      await until("the name has its addresses again", () => areAll(3));
      await chaos.told("healthy", third);
      await chaos.serves(third);
    },
  });
  const before = await chaos.stats(failures);
  await fault(chaos, {
    begin: async () => {
      chaos.dns.fail();
      await until("several look-ups failed", async () => {
        const now = await chaos.stats(failures);
        return now.every((count, i) => count >= before[i]! + 3);
      });
      assertOk(await areAll(3), "a name that does not resolve keeps its addresses");
    },
    end: () => Promise.resolve(chaos.dns.set(ADDRESSES)),
  });
}

/** Two of three fail at once, in different ways; the third carries all. */
async function faultsTogether(chaos: Chaos): Promise<void> {
  const [a, b, c] = chaos.upstreams as [UpstreamProcess, UpstreamProcess, UpstreamProcess];
  await fault(chaos, {
    begin: async () => {
      await Promise.all([a.kill(), c.become("reset")]);
      await chaos.told("unhealthy", a.address);
      await chaos.told("EJECT", c.address, ["h1", "h2"]);
    },
    end: async () => {
      await Promise.all([a.start(), c.become("answer")]);
      await chaos.told("healthy", a.address);
      await chaos.settles("UNEJECT", c.address);
      for (const { address } of [a, b, c]) await chaos.serves(address);
    },
  });
}

/** Hosts fail their checks and pass them again in turn, and all are well in the end. */
function assertHealthStory(events: readonly HostEvent[]): void {
  const states = new Map<string, string>();
  for (const { cluster, address, kind, isFirst } of events) {
    if (kind === "failure") continue;
    const host = `${cluster} ${address}`;
    // A host that DNS names anew begins anew.
    const before = isFirst ? "unhealthy" : states.get(host);
    assertOk(before !== undefined && before !== kind, `${host} is ${kind} after ${before}`);
    states.set(host, kind);
  }
  assertEquals(states.size, CLUSTERS.length * ADDRESSES.length);
  for (const [host, state] of states) assertEquals(state, "healthy", `${host} at the end`);
}

/** Hosts are ejected and return in turn, and each ejection counts one more. */
function assertOutlierStory(events: readonly HostEvent[]): void {
  const last = new Map<string, HostEvent>();
  for (const event of events) {
    const { cluster, address, kind, ejections } = event;
    if (kind === "DETECT") continue;
    const host = `${cluster} ${address}`;
    const before = last.get(host);
    if (kind === "UNEJECT") {
      assertEquals([before?.kind, before?.ejections], ["EJECT", ejections], host);
    } else if (ejections > 1) {
      assertEquals([before?.kind, before?.ejections], ["UNEJECT", ejections - 1], host);
    }
    last.set(host, event);
  }
}

/**
 * An error takes ten tries of up to a second that all fail, and each goes to a host that was not
 * tried yet while there is one: halts of a slow machine cost tries, not answers.
 */
function assertClientsSawLittle({ load, tcp }: Chaos): void {
  const { counts } = load;
  const errors = counts.broken + counts.answered - counts.ok;
  const told = JSON.stringify({
    ...counts,
    failures: [...counts.failures],
    upstreams: [...counts.upstreams],
  });
  assertEquals(counts.mixedUp, 0, told);
  // Each answer that is no success is one of the proxy, by its policy.
  for (const failure of counts.failures.keys()) {
    assertMatch(failure, /^50[34] (upstream|no healthy)/);
  }
  assertOk(errors <= counts.sent * ERRORS_ALLOWED, told);
  assertEquals(tcp.counts.corrupt, 0);
  assertEquals(tcp.counts.intact + tcp.counts.ended, tcp.counts.started);
  assertOk(tcp.counts.intact > 0);
}

/**
 * All gauges come back to rest, which is waited for, and the requests are as many as the client
 * sent. Faults in the proxy's own code are none.
 */
async function assertAtRest(chaos: Chaos, sent: number): Promise<void> {
  const { proxy } = chaos;
  const zero = [
    "http.http.downstream_cx_active",
    "http.http.downstream_rq_active",
    "listener.tcp.downstream_cx_active",
    ...CLUSTERS.flatMap((name) =>
      ["upstream_rq_active", "upstream_rq_pending_active", "upstream_cx_active"].map((gauge) =>
        `cluster.${name}.${gauge}`
      )
    ),
    ...CLUSTERS.map((name) => `cluster.${name}.outlier_detection.ejections_active`),
  ];
  for (const name of zero) {
    await until(`${name} is 0`, async () => await proxy.stat(name) === 0);
  }
  for (const name of CLUSTERS) {
    await until(
      `all hosts of ${name} are well`,
      async () => await proxy.stat(`cluster.${name}.membership_healthy`) === ADDRESSES.length,
    );
    for (const what of ["cx", "rq", "pending", "retries"]) {
      const gauge = `cluster.${name}.circuit_breakers.default.remaining_${what}`;
      await until(
        `${gauge} is whole`,
        async () => (await proxy.stat(gauge)) === BREAKER_LIMIT,
      );
    }
    for (const open of ["cx_open", "rq_open", "rq_pending_open", "rq_retry_open"]) {
      assertEquals(await proxy.stat(`cluster.${name}.circuit_breakers.default.${open}`), 0);
    }
  }
  assertEquals(await proxy.stat("http.http.downstream_rq_total"), sent);
  assertEquals(await proxy.stat("denvoy.worker_faults") || 0, 0, proxy.stderr());
  const hosts = await proxy.admin("/clusters");
  for (const [line] of hosts.matchAll(/^.*::[cr][xq]_active::[^0].*$/gm)) assertEquals(line, "");
}

/**
 * Requests went to the dead host (refused) and to the stalled one (timed out) until the third check
 * of it in a row had failed, which takes a second and three: at the lowest rate some did.
 */
async function assertFaultsWereMet(chaos: Chaos): Promise<void> {
  for (const cluster of ["h1", "h2"]) {
    for (const what of ["rq_retry", "rq_retry_success", "rq_per_try_timeout", "cx_connect_fail"]) {
      const name = `cluster.${cluster}.upstream_${what}`;
      assertOk(await chaos.proxy.stat(name) > 0, name);
    }
  }
}

/**
 * Sockets and timers come back to what they were, which is waited for: checks and look-ups go on,
 * so that some moments have a few more. The heap is looked at after a full collection.
 */
async function assertNothingLeaked(doctor: Doctor, before: VitalSigns): Promise<void> {
  let now = await doctor.look();
  const isBack = (): boolean =>
    now.sockets <= before.sockets &&
    [...now.threads].every(([thread, { armedTimers }]) =>
      armedTimers <= before.threads.get(thread)!.armedTimers
    );
  await until("sockets and timers are as few as before", async () => {
    now = await doctor.look();
    return isBack();
  }).catch((error) => {
    throw new Error(`${error.message}: ${describe(before)}, then ${describe(now)}`);
  });
  for (const [thread, { heapBytes }] of now.threads) {
    const grown = heapBytes - before.threads.get(thread)!.heapBytes;
    assertOk(grown < HEAP_GROWTH_BYTES, `the heap of thread ${thread} grew by ${grown} bytes`);
  }
}

function describe({ sockets, threads }: VitalSigns): string {
  return JSON.stringify({ sockets, threads: Object.fromEntries(threads) });
}

/** A port that is free on all of the upstreams' addresses. */
async function commonPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    try {
      for (const hostname of ADDRESSES) Deno.listen({ hostname, port }).close();
      return port;
    } catch {
      // Another process has it on one of them.
    }
  }
}

async function setUp(): Promise<Chaos> {
  const dns = new DnsServer(ADDRESSES);
  const ports = {
    dns: await dns.start(),
    up1: await commonPort(),
    up2: await commonPort(),
    up3: await commonPort(),
  };
  const upstreams = ADDRESSES.map((address) =>
    new UpstreamProcess(address, { http1: ports.up1, http2: ports.up2, tcp: ports.up3 })
  );
  await Promise.all(upstreams.map((upstream) => upstream.start()));
  const proxy = await startProxy({
    config: CHAOS_CONFIG,
    args: ["--concurrency", String(WORKERS)],
    ports,
    main: "tests/support/chaos/probed_main.ts",
    env: { DENVOY_TEST_PROBE: "{{dir}}" },
  });
  return new Chaos(proxy, dns, upstreams);
}

Deno.test({
  name: "chaos: upstreams fail in every way under load; clients see next to nothing of it",
  sanitizeOps: false,
  sanitizeResources: false,
  // Three loopback addresses and /proc.
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const chaos = await setUp();
    const { proxy, dns, upstreams } = chaos;
    let code: number;
    try {
      for (const { address } of upstreams) await chaos.told("healthy", address);
      const warmUp = await warmUpLoad(chaos);
      await assertAtRest(chaos, warmUp);
      const doctor = new Doctor(proxy, WORKERS + 1);
      const before = await doctor.watch(WATCH_MS);

      const startMs = performance.now();
      chaos.load = chaos.newLoad();
      chaos.load.start();
      chaos.tcp.start(TCP_CLIENTS);
      await sleep(REST_MS);
      await faultsOneByOne(chaos);
      await dnsChanges(chaos);
      await faultsTogether(chaos);
      await sleep(Math.max(0, LOAD_MS - (performance.now() - startMs)));
      await chaos.load.stop();
      await chaos.tcp.stop();
      tellRate(chaos, performance.now() - startMs);

      assertClientsSawLittle(chaos);
      await assertFaultsWereMet(chaos);
      await assertAtRest(chaos, warmUp + chaos.load.counts.sent);
      assertHealthStory(chaos.healthEvents);
      assertOutlierStory(chaos.outlierEvents);
      await assertNothingLeaked(doctor, before);
    } finally {
      await chaos.load.stop();
      await chaos.tcp.stop();
      code = await proxy.stop();
      for (const upstream of upstreams) await upstream.kill();
      await dns.close();
    }
    assertEquals(code, 0, proxy.stderr());
  },
});

/** A machine that could not make the load says which it made. */
function tellRate({ load, tcp }: Chaos, ms: number): void {
  const { counts, ratePerS } = load;
  if (ratePerS === RATE_PER_S && Deno.env.get("DENVOY_CHAOS_TELL") === undefined) return;
  const made = Math.round(counts.sent * 1000 / ms);
  const errors = counts.answered - counts.ok + counts.broken;
  const text = [
    `chaos: ${counts.sent} requests, ${made}/s (asked for ${RATE_PER_S}/s, at last ${ratePerS}/s)`,
    `${errors} errors, at most ${counts.mostUnderWay} requests under way`,
    `${tcp.counts.intact} TCP connections intact, ${tcp.counts.ended} ended\n`,
  ].join("; ");
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
