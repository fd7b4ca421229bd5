// Resources by file: what is read, what is told, and which changes are seen.

import { assertEquals } from "../support/assert.ts";
import { Decoder } from "../../src/config/mod.ts";
import { loadRegistry } from "../../src/proto/registry.ts";
import type { ResourceEvents } from "../../src/upstream/mod.ts";
import { type FileSource, FileSubscription } from "../../src/xds/mod.ts";

const decoder = new Decoder(await loadRegistry());
const TYPE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
const good = (version: string, more = ""): string =>
  `version_info: ${version}\nresources:\n- "@type": ${TYPE}\n  cluster_name: c\n${more}`;

/** Writes down what it is told; `next` resolves with the next answer. */
class Log implements ResourceEvents {
  readonly lines: string[] = [];
  #waiting = Promise.withResolvers<string>();
  attempts = 0;

  next(): Promise<string> {
    return this.#waiting.promise;
  }

  onAttempt(): void {
    this.attempts++;
  }

  onFailure(): void {
    this.#tell("failure");
  }

  onRejected(): void {
    this.#tell("rejected");
  }

  onResources({ version, resources }: Parameters<ResourceEvents["onResources"]>[0]): undefined {
    this.#tell(`${version}: ${resources.map((one) => one.$typeName.split(".").at(-1)).join()}`);
  }

  #tell(line: string): void {
    this.lines.push(line);
    const waiting = this.#waiting;
    this.#waiting = Promise.withResolvers();
    waiting.resolve(line);
  }
}

function subscribe(source: Partial<FileSource> & { readonly path: string }) {
  const log = new Log();
  const subscription = new FileSubscription(
    { watchedDirectory: undefined, seesWrites: false, ...source },
    { decoder, events: log, run: (work) => work() },
  );
  return { log, subscription };
}

const TEXTS = [
  { name: "YAML", file: "eds.yaml", text: good("v1"), want: "v1: ClusterLoadAssignment" },
  { name: "JSON", file: "eds.json", text: `{"version_info":"v1","resources":[]}`, want: "v1: " },
  { name: "JSON by any other name", file: "eds", text: `{"version_info":"v2"}`, want: "v2: " },
  {
    name: "an unknown field",
    file: "eds.yaml",
    text: good("v1", "  no_such: 1\n"),
    want: "v1: ClusterLoadAssignment",
  },
  { name: "no YAML", file: "eds.yaml", text: "resources: [ {{{", want: "failure" },
  {
    name: "a value of the wrong type",
    file: "eds.yaml",
    text: good("v1", "  endpoints: 5\n"),
    want: "failure",
  },
  {
    name: "a value against the rules",
    file: "eds.yaml",
    text: good("v1", "  endpoints: [{ priority: 500 }]\n"),
    want: "rejected",
  },
  {
    name: "what would change balancing",
    file: "eds.yaml",
    text: good("v1", "  named_endpoints: { a: {} }\n"),
    want: "rejected",
  },
  { name: "no file", file: undefined, text: "", want: "failure" },
] as const;
for (const row of TEXTS) {
  Deno.test(`a resource file: ${row.name}`, () => {
    const directory = Deno.makeTempDirSync();
    const path = `${directory}/${row.file ?? "none"}`;
    if (row.file !== undefined) Deno.writeTextFileSync(path, row.text);
    const { log, subscription } = subscribe({ path });
    subscription.start();
    subscription.stop();
    assertEquals([log.lines, log.attempts], [[row.want], 1]);
    Deno.removeSync(directory, { recursive: true });
  });
}

Deno.test("a resource file is read again when it is replaced, not when others are", async () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/eds.yaml`;
  Deno.writeTextFileSync(path, good("v1"));
  const { log, subscription } = subscribe({ path });
  subscription.start();
  const second = log.next();
  Deno.writeTextFileSync(path, good("in-place"));
  Deno.writeTextFileSync(`${directory}/x`, good("x"));
  Deno.renameSync(`${directory}/x`, `${directory}/other.yaml`);
  Deno.writeTextFileSync(`${directory}/new`, good("v2"));
  Deno.renameSync(`${directory}/new`, path);
  assertEquals(await second, "v2: ClusterLoadAssignment");
  assertEquals(log.lines.length, 2);
  subscription.stop();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("a resource file behind a symlink is read again when its watched directory swaps", async () => {
  const directory = Deno.makeTempDirSync();
  for (const version of ["v1", "v2"]) {
    Deno.mkdirSync(`${directory}/${version}`);
    Deno.writeTextFileSync(`${directory}/${version}/eds.yaml`, good(version));
  }
  Deno.symlinkSync("v1", `${directory}/data`);
  const { log, subscription } = subscribe({
    path: `${directory}/data/eds.yaml`,
    watchedDirectory: directory,
  });
  subscription.start();
  const second = log.next();
  Deno.symlinkSync("v2", `${directory}/swap`);
  Deno.renameSync(`${directory}/swap`, `${directory}/data`);
  assertEquals([log.lines[0], await second], [
    "v1: ClusterLoadAssignment",
    "v2: ClusterLoadAssignment",
  ]);
  subscription.stop();
  Deno.removeSync(directory, { recursive: true });
});
