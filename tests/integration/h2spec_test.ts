/**
 * h2spec against a real proxy process, where it is installed: its cases for RFC 9113's frames and
 * messages on cleartext HTTP/2 by prior knowledge and on TLS, both with an HTTP/1.1 upstream, and
 * the strict case more.
 */

import { ensureDevCertificate } from "../../src/cli/dev_certificate.ts";
import { assertEquals } from "../support/assert.ts";
import { hasTool, type RunningProxy, startProxy } from "../support/proxy.ts";
import {
  anyHostYaml,
  bootstrapYaml,
  clusterYaml,
  httpListenerYaml,
  tlsChainYaml,
} from "../support/yaml.ts";

const HOSTS = anyHostYaml(`
              - { match: { prefix: / }, route: { cluster: web } }`);

/** A bad preface on a listener of codec_type AUTO is an HTTP/1 request: HTTP2 says it is not. */
const codec = (type: string): string => `\n          codec_type: ${type}`;

const config = (certs: string): string =>
  bootstrapYaml(
    httpListenerYaml({ name: "plain", manager: codec("HTTP2"), hosts: HOSTS }) +
      httpListenerYaml({
        name: "tls",
        manager: codec("AUTO"),
        hosts: HOSTS,
        chain: tlsChainYaml(certs),
      }),
    clusterYaml("web"),
  );

/** Longer than h2spec waits for the processor between two writes. */
const ANSWER_MS = 50;

async function withProxy(test: (proxy: RunningProxy) => Promise<void>): Promise<void> {
  const certs = await Deno.makeTempDir({ prefix: "denvoy-certs-" });
  await ensureDevCertificate(certs);
  // Windows are tested with a body that is sent: an empty one would have these cases skipped. It comes
  // late, as h2spec resets streams by a write of its own and then wants no answer of an earlier one.
  const web = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      await request.arrayBuffer().catch(() => {}); // many requests here never end
      await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
      return new Response("hello from the upstream\n");
    },
  );
  const proxy = await startProxy({
    config: config(certs),
    ports: { web: web.addr.port },
    args: ["--concurrency", "1", "--drain-time-s", "1"],
  });
  try {
    await test(proxy);
  } finally {
    const code = await proxy.stop();
    await web.shutdown();
    await Deno.remove(certs, { recursive: true });
    assertEquals([code, proxy.stderr()], [0, ""]);
  }
}

async function h2spec(args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command("h2spec", {
    args: ["-h", "127.0.0.1", ...args],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  // What was expected and what came stands in the lines below each.
  const failures = text.split("\n").filter((line) => /^\s+(×|->|Expected:|Actual:)/.test(line));
  const summary = /\d+ tests, \d+ passed, \d+ skipped, \d+ failed/.exec(text)?.[0] ?? text;
  return [...failures, summary].join("\n");
}

interface Row {
  readonly name: string;
  readonly args: readonly string[];
  readonly listener: "plain" | "tls";
  readonly want: string;
}

const ALL = "145 tests, 145 passed, 0 skipped, 0 failed";
const ALL_STRICT = "146 tests, 146 passed, 0 skipped, 0 failed";

const ROWS: readonly Row[] = [
  { name: "cleartext by prior knowledge", args: [], listener: "plain", want: ALL },
  { name: "cleartext, strict", args: ["-S"], listener: "plain", want: ALL_STRICT },
  { name: "TLS", args: ["-t", "-k"], listener: "tls", want: ALL },
  { name: "TLS, strict", args: ["-S", "-t", "-k"], listener: "tls", want: ALL_STRICT },
];

if (hasTool("h2spec")) {
  for (const { name, args, listener, want } of ROWS) {
    Deno.test(`h2spec over ${name} passes whole`, async () => {
      await withProxy(async (proxy) => {
        assertEquals(await h2spec([...args, "-p", String(proxy.ports[listener])]), want);
      });
    });
  }
}
