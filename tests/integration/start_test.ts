/** How denvoy starts, or does not: exit codes, what stderr says, odd but legal configurations, few descriptors. */

import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";
import { freePort } from "../support/proxy.ts";
import { RawClient } from "../support/raw_client.ts";
import { anyHostYaml, httpListenerYaml } from "../support/yaml.ts";

const ROOT = new URL("../../", import.meta.url);
const LIMIT_MS = 15_000;

const address = (port: number): string =>
  `{ socket_address: { address: 127.0.0.1, port_value: ${port} } }`;
const pipe = (path: string): string => `{ pipe: { path: "${path}", mode: 384 } }`;
const admin = (where: string): string => `admin: { address: ${where} }\n`;

/** A listener that answers by itself. */
const listener = (name: string, where: string, more = ""): string =>
  httpListenerYaml({
    name,
    address: where,
    listener: more,
    statPrefix: name,
    hosts: anyHostYaml(`
              - { match: { prefix: / }, direct_response: { status: 200, body: { inline_string: "${name}" } } }`),
  });

const listeners = (...all: string[]): string => `static_resources:\n  listeners:${all.join("")}\n`;

/** A folder, a port that is taken, free ones. */
interface Place {
  readonly dir: string;
  readonly taken: number;
  readonly free: readonly number[];
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Verdict {
  readonly name: string;
  args(place: Place): readonly string[];
  readonly files?: (place: Place) => Readonly<Record<string, string>>;
  readonly code: number;
  readonly stdout?: RegExp;
  readonly stderr?: RegExp;
}

const VERDICTS: readonly Verdict[] = [
  { name: "--version", args: () => ["--version"], code: 0, stdout: /^denvoy \d+\.\d+\.\d+ / },
  { name: "--help", args: () => ["--help"], code: 0, stdout: /--concurrency N/ },
  { name: "no configuration", args: () => [], code: 1, stderr: /--config-path and --config-yaml/ },
  { name: "an unknown flag", args: () => ["--nope"], code: 1, stderr: /unknown argument "--nope"/ },
  {
    name: "a file that is not there",
    args: ({ dir }) => ["-c", `${dir}/none.yaml`],
    code: 1,
    stderr: /^error: \S+\/none\.yaml: cannot be read: No such file/,
  },
  {
    name: "a wrong field, with its place",
    files: () => ({ "c.yaml": "admin:\n  address: {}\n  adress: {}\n" }),
    args: ({ dir }) => ["-c", `${dir}/c.yaml`],
    code: 1,
    stderr: /c\.yaml:3:3 admin\.adress: unknown field "adress" .*did you mean "address"/,
  },
  {
    name: "a semantic error found by a worker, with its place",
    args: () => [
      "--config-yaml",
      `static_resources:\n  listeners:\n  - name: l\n    address: ${address(0)}\n`,
    ],
    code: 1,
    stderr: /:3:5 static_resources\.listeners\[0\].*: /,
  },
  {
    name: "--mode init_only",
    args: () => ["--mode", "init_only", "--config-yaml", listeners(listener("a", address(0)))],
    code: 0,
  },
  {
    name: "--mode validate",
    args: () => ["--mode", "validate", "--config-yaml", listeners(listener("a", address(0)))],
    code: 0,
  },
  {
    name: "a listener's address that is taken",
    args: ({ taken }) => ["--config-yaml", listeners(listener("web", address(taken)))],
    code: 1,
    stderr: /^listener 'web': cannot bind '127\.0\.0\.1:\d+': Address already in use$/m,
  },
  {
    name: "an additional address that is taken",
    args: ({ taken }) => [
      "--config-yaml",
      listeners(
        listener("web", address(0), `\n    additional_addresses: [{ address: ${address(taken)} }]`),
      ),
    ],
    code: 1,
    stderr: /^listener 'web': cannot bind '127\.0\.0\.1:\d+': Address already in use$/m,
  },
  {
    name: "an admin address that is taken",
    args: ({ taken }) => ["--config-yaml", admin(address(taken))],
    code: 1,
    stderr: /admin: cannot bind '127\.0\.0\.1:\d+': Address already in use/,
  },
  {
    name: "an address that is not of this machine",
    args: () => [
      "--config-yaml",
      listeners(
        listener("web", "{ socket_address: { address: 203.0.113.7, port_value: 80 } }"),
      ),
    ],
    code: 1,
    stderr: /^listener 'web': cannot bind '203\.0\.113\.7:80': /m,
  },
];

interface Start {
  readonly name: string;
  args(place: Place): readonly string[];
  /** Descriptors the process may have. */
  readonly descriptors?: number;
  /** Runs once the process says that it serves. */
  run(place: Place, pid: number): Promise<void>;
}

const STARTS: readonly Start[] = [
  { name: "with an empty configuration", args: () => ["--config-yaml", "{}"], run: async () => {} },
  {
    name: "with an admin alone, on a Unix socket",
    args: ({ dir }) => ["--config-yaml", admin(pipe(`${dir}/admin.sock`))],
    run: async ({ dir }) => {
      const client = await RawClient.connect(`${dir}/admin.sock`);
      client.send("GET /ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
      assertMatch(await client.rest(), /LIVE/);
      client.close();
    },
  },
  {
    name: "on a port of the system's choice, which all workers share and the admin tells",
    args: ({ dir }) => [
      "--concurrency",
      "3",
      "--admin-address-path",
      `${dir}/admin`,
      "--config-yaml",
      admin(address(0)) + listeners(listener("a", address(0)), listener("b", address(0))),
    ],
    run: async ({ dir }) => {
      const base = `http://${await Deno.readTextFile(`${dir}/admin`)}`;
      const text = await (await fetch(`${base}/listeners`)).text();
      const ports = [...text.matchAll(/^(\w)::127\.0\.0\.1:(\d+)$/gm)];
      assertEquals(ports.map(([, name]) => name), ["a", "b"]);
      for (let i = 0; i < 12; i++) {
        for (const [, name, port] of ports) {
          const client = await RawClient.connect(Number(port));
          assertMatch(await client.get("/"), new RegExp(`\r\n\r\n${name}$`));
          client.close();
        }
      }
    },
  },
  {
    name: "with several addresses, a Unix socket with its mode, and without SO_REUSEPORT",
    args: ({ dir, free }) => [
      "--concurrency",
      "2",
      "--config-yaml",
      listeners(
        listener(
          "a",
          address(free[0]!),
          `\n    additional_addresses: [{ address: ${address(free[1]!)} }]`,
        ),
        listener("b", pipe(`${dir}/b.sock`)),
        listener("c", address(free[2]!), "\n    enable_reuse_port: false"),
      ),
    ],
    run: async ({ dir, free }) => {
      const wanted: readonly (readonly [number | string, string])[] = [
        [free[0]!, "a"],
        [free[1]!, "a"],
        [`${dir}/b.sock`, "b"],
        [free[2]!, "c"],
      ];
      for (const [to, name] of wanted) {
        const client = await RawClient.connect(to);
        assertMatch(await client.get("/"), new RegExp(`\r\n\r\n${name}$`));
        client.close();
      }
      assertEquals((await Deno.stat(`${dir}/b.sock`)).mode! & 0o777, 0o600);
    },
  },
  {
    name: "with 80 descriptors: it refuses, does not spin, and recovers",
    descriptors: 80,
    args: ({ free }) => [
      "--concurrency",
      "2",
      "--config-yaml",
      listeners(listener("a", address(free[0]!))),
    ],
    run: async ({ free }, pid) => {
      const clients: RawClient[] = [];
      for (let i = 0; i < 200; i++) clients.push(await RawClient.connect(free[0]!));
      const before = cpuTicks(pid);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      assertOk(cpuTicks(pid) - before < 50, "accepting spins");
      for (const client of clients) client.close();
      let served = 0;
      const limit = performance.now() + LIMIT_MS;
      while (served < 20 && performance.now() < limit) {
        const client = await RawClient.connect(free[0]!);
        const reply = await client.get("/").catch(() => "");
        served = reply.includes("200 OK") ? served + 1 : 0;
        client.close();
      }
      assertEquals(served, 20);
    },
  },
];

/** Hundredths of a second of CPU that a process has used. */
function cpuTicks(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

async function place(): Promise<Place & { close(): Promise<void> }> {
  const dir = await Deno.makeTempDir({ prefix: "denvoy-start-" });
  const holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return {
    dir,
    taken: (holder.addr as Deno.NetAddr).port,
    free: [await freePort(), await freePort(), await freePort()],
    close: async () => {
      holder.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

function command(args: readonly string[], descriptors?: number): Deno.Command {
  const all = [Deno.execPath(), "run", "-A", "main.ts", ...args];
  const limited = ["sh", "-c", `ulimit -n ${descriptors}; exec "$@"`, "sh", ...all];
  const [program = "", ...rest] = descriptors === undefined ? all : limited;
  return new Deno.Command(program, { cwd: ROOT, args: rest, stdout: "piped", stderr: "piped" });
}

async function outcome(args: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await command(args).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

for (const row of VERDICTS) {
  Deno.test(`start: ${row.name} ends with ${row.code}`, async () => {
    const where = await place();
    try {
      for (const [name, text] of Object.entries(row.files?.(where) ?? {})) {
        await Deno.writeTextFile(`${where.dir}/${name}`, text);
      }
      const { code, stdout, stderr } = await outcome(row.args(where));
      assertEquals(code, row.code, stderr);
      if (row.stdout !== undefined) assertMatch(stdout, row.stdout);
      if (row.stderr !== undefined) assertMatch(stderr, row.stderr);
    } finally {
      await where.close();
    }
  });
}

for (const row of STARTS) {
  Deno.test({
    name: `start: ${row.name}`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const where = await place();
      const args = [...row.args(where), "--drain-time-s", "1"];
      const child = command(args, row.descriptors).spawn();
      try {
        await untilServing(child.stderr);
        await row.run(where, child.pid);
      } finally {
        child.kill("SIGTERM");
        const { code } = await child.status;
        await child.stdout.cancel();
        await where.close();
        assertEquals(code, 0);
      }
    },
  });
}

/** Until the log says so; reading goes on in the background, lest the pipe fill. */
async function untilServing(stderr: ReadableStream<Uint8Array>): Promise<void> {
  const serving = Promise.withResolvers<void>();
  let text = "";
  void (async () => {
    for await (const part of stderr.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.includes("starting main dispatch loop")) serving.resolve();
    }
    serving.reject(new Error(`It ended:\n${text}`));
  })();
  await serving.promise;
}
