// No sample of config/ may rot: each is wholly supported, and the one of `deno task dev` serves what
// its banner says.
import { ensureDevCertificate } from "../../src/cli/dev_certificate.ts";
import { type DemoUpstream, startDemoUpstream } from "../../src/cli/dev_upstream.ts";
import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";
import { freePort, type RunningProxy, startProxy } from "../support/proxy.ts";

const ROOT = new URL("../../", import.meta.url);
const SAMPLES = new URL("config/", ROOT);
const MAIN = new URL("main.ts", ROOT).pathname;
const DEV = Deno.readTextFileSync(new URL("dev.yaml", SAMPLES));
/** Pieces of certificate and key files that a sample names, relative to its folder. */
const PEM_PATH = /\bfilename: ([\w./-]+\.(?:crt|pem|key))\b/g;

function sampleNames(): string[] {
  return [...Deno.readDirSync(SAMPLES)]
    .map((entry) => entry.name)
    .filter((name) => name.endsWith(".yaml"))
    .sort();
}

/** Puts the development certificate or its key wherever the sample looks for one. */
async function writeCertificates(text: string, dir: string): Promise<void> {
  await ensureDevCertificate(`${dir}/made`);
  for (const [, path = ""] of text.matchAll(PEM_PATH)) {
    const target = `${dir}/${path}`;
    Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    const isKey = /key\.pem$|\.key$/.test(path);
    Deno.copyFileSync(`${dir}/made/${isKey ? "key" : "cert"}.pem`, target);
  }
}

for (const name of sampleNames()) {
  Deno.test(`config/${name} is wholly supported`, async () => {
    const dir = await Deno.makeTempDir({ prefix: "denvoy-sample-" });
    try {
      const text = Deno.readTextFileSync(new URL(name, SAMPLES));
      Deno.writeTextFileSync(`${dir}/${name}`, text);
      await writeCertificates(text, dir);
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--config", `${ROOT.pathname}deno.json`, "-A", MAIN]
          .concat("--mode", "validate", "-c", name),
        cwd: dir,
      }).output();
      const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
      assertEquals(code, 0, said);
      assertMatch(said, /\bOK\b/);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

/** A running copy of config/dev.yaml on free ports. */
interface Demo {
  readonly proxy: RunningProxy;
  readonly url: string;
  readonly tlsUrl: string;
  readonly certificate: string;
}

const DEV_PORTS: Readonly<Record<string, string>> = {
  "9901": "admin",
  "10000": "plain",
  "10443": "tls",
  "10101": "blue",
  "10102": "green",
  "10103": "shadow",
};

async function withDemo(test: (demo: Demo) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "denvoy-demo-" });
  const upstreams: DemoUpstream[] = [];
  const ports: Record<string, number> = {};
  let proxy: RunningProxy | undefined;
  try {
    await ensureDevCertificate(dir);
    for (const name of ["blue", "green", "shadow"]) {
      const port = ports[name] = await freePort();
      upstreams.push(startDemoUpstream(name, port));
    }
    const config = DEV
      .replaceAll(/port_value: (\d+)/g, (_, port: string) => `port_value: {{${DEV_PORTS[port]}}}`)
      .replaceAll(".dev/", `${dir}/`);
    proxy = await startProxy({
      config,
      ports,
      args: ["--concurrency", "1", "--drain-time-s", "1"],
    });
    await test({
      proxy,
      url: `http://127.0.0.1:${proxy.ports["plain"]}`,
      tlsUrl: `https://localhost:${proxy.ports["tls"]}`,
      certificate: Deno.readTextFileSync(`${dir}/cert.pem`),
    });
  } finally {
    await proxy?.stop();
    await Promise.all(upstreams.map((upstream) => upstream.close()));
    await Deno.remove(dir, { recursive: true });
  }
}

async function text(
  url: string,
  init?: RequestInit & { client?: Deno.HttpClient },
): Promise<string> {
  const response = await fetch(url, init);
  const body = await response.text();
  assertEquals(response.status, 200, body);
  return body;
}

async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertOk(false, `${what} never came`);
}

Deno.test("config/dev.yaml serves what the banner of `deno task dev` says", async (t) => {
  await withDemo(async ({ proxy, url, tlsUrl, certificate }) => {
    await t.step("an echo from blue", async () => {
      assertMatch(await text(`${url}/`), /^blue: GET \/ HTTP\/1\.1\n/);
    });
    await t.step("a body", async () => {
      const body = await text(`${url}/anything`, { method: "POST", body: "some body" });
      assertMatch(body, /^blue: POST \/anything HTTP\/1\.1\n[^]*\(9 bytes of body\)/);
    });
    await t.step("a direct response", async () => {
      assertEquals(await text(`${url}/hello`), "Hello from denvoy\n");
    });
    await t.step("a redirect", async () => {
      const response = await fetch(`${url}/old/page`, { redirect: "manual" });
      await response.body?.cancel();
      assertEquals([response.status, response.headers.get("location")], [308, `${url}/new/page`]);
    });
    await t.step("a split: both clusters, and nothing else", async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 100; i++) seen.add((await text(`${url}/split`)).split(":")[0]!);
      assertEquals([...seen].sort(), ["blue", "green"]);
    });
    await t.step("a mirror: blue answers, shadow gets a copy", async () => {
      assertMatch(await text(`${url}/mirror`), /^blue: GET \/mirror /);
      const stat = "cluster.shadow.upstream_rq_200";
      await eventually("the shadow request", async () => await proxy.stat(stat) === 1);
    });
    await t.step("a prefix rewrite", async () => {
      assertMatch(await text(`${url}/green/x`), /^green: GET \/x /);
    });
    await t.step("TLS, with HTTP/2", async () => {
      const client = Deno.createHttpClient({ caCerts: [certificate] });
      try {
        assertMatch(await text(`${tlsUrl}/`, { client }), /^blue: GET \/ HTTP\/1\.1\n/);
      } finally {
        client.close();
      }
      assertOk(await proxy.stat("http.ingress.downstream_cx_http2_total") > 0);
    });
    await t.step("admin", async () => {
      const stats = await proxy.admin("/stats?usedonly");
      assertMatch(stats, /^cluster\.green\.upstream_rq_200: \d+$/m);
      assertMatch(await proxy.admin("/"), /href="config_dump"/);
    });
  });
});
