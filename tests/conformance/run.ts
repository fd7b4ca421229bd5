/**
 * `deno task conformance`: runs the recorded cases of the finished areas against this checkout
 * and holds the result against the waivers. `areas.txt` has a line for each: its name, and after a
 * colon the groups that are finished, where not all are. A case fails the run if it fails without a
 * waiver, or passes with one. Needs Node and the suite beside the checkout.
 */

interface CaseResult {
  readonly area: string;
  readonly name: string;
  readonly ok: boolean;
  readonly diffs?: readonly string[];
}

/** `waivers/AREA.tsv`: case name, kind, reason. `stricter` marks a refusal the RFCs ask for; it is not counted. */
interface Waiver {
  readonly kind: "stricter" | "waived";
  readonly reason: string;
}

const HERE = new URL("./", import.meta.url);
const SUITE = new URL("../../../shared/conformance/run.mjs", HERE);
/** Share of an area's cases that may be waived; those we refuse by an RFC do not count. */
const MAX_WAIVED = 0.03;
const PROXY = "deno run -A main.ts -c {config} --concurrency 1 --log-level error " +
  "--file-flush-interval-msec 20 --drain-time-s 1";

/** Waivers of one area by case name. */
export function readWaivers(area: string): Map<string, Waiver> {
  const waivers = new Map<string, Waiver>();
  let text: string;
  try {
    text = Deno.readTextFileSync(new URL(`waivers/${area}.tsv`, HERE));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return waivers;
    throw error;
  }
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [name = "", kind = "", reason = ""] = line.split("\t");
    if ((kind !== "stricter" && kind !== "waived") || reason === "") {
      throw new SyntaxError(`waivers/${area}.tsv: expected name, kind and reason: ${line}`);
    }
    waivers.set(name, { kind, reason });
  }
  return waivers;
}

/** Groups of each listed area; none stands for all. */
export function readAreas(text: string): Map<string, readonly string[]> {
  const areas = new Map<string, readonly string[]>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [area = "", groups = ""] = line.split(":");
    areas.set(area, groups.split(",").map((group) => group.trim()).filter(Boolean));
  }
  return areas;
}

/**
 * One proxy at a time: with two, each with its backends, two cores are short, and a cold process may
 * take the quarter of a second that recorded times are rounded to.
 */
async function runArea(area: string, groups: readonly string[]): Promise<CaseResult[]> {
  const json = await Deno.makeTempFile();
  const child = new Deno.Command("node", {
    args: [
      ...[SUITE.pathname, "--proxy", PROXY, "--area", area, "--json", json, "--jobs", "1"],
      ...groups.flatMap((group) => ["--group", group]),
    ],
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  await child.status;
  const report = JSON.parse(await Deno.readTextFile(json));
  await Deno.remove(json);
  return report.cases;
}

if (import.meta.main) {
  Deno.chdir(new URL("../../", HERE));
  const listed = readAreas(Deno.readTextFileSync(new URL("areas.txt", HERE)));
  const areas = Deno.args.length > 0 ? Deno.args : [...listed.keys()];
  const lines: string[] = [];
  let passed = 0;
  let failed = 0;
  for (const area of areas) {
    const waivers = readWaivers(area);
    const counts = { ok: 0, waived: 0, stricter: 0, bad: 0 };
    for (const result of await runArea(area, listed.get(area) ?? [])) {
      const waiver = waivers.get(result.name);
      waivers.delete(result.name);
      if (result.ok && waiver === undefined) counts.ok++;
      else if (!result.ok && waiver !== undefined) counts[waiver.kind]++;
      else {
        counts.bad++;
        const why = result.ok
          ? "passes but stands in the waivers"
          : (result.diffs ?? []).slice(0, 2).join(" | ").slice(0, 300);
        lines.push(`FAIL ${area}/${result.name}: ${why}`);
      }
    }
    for (const name of waivers.keys()) {
      counts.bad++;
      lines.push(`FAIL ${area}/${name}: waived, but there is no such case`);
    }
    const all = counts.ok + counts.waived + counts.bad;
    if (counts.waived > all * MAX_WAIVED) {
      counts.bad++;
      lines.push(`FAIL ${area}: ${counts.waived} of ${all} cases are waived, more than 3 %`);
    }
    passed += counts.ok;
    failed += counts.bad;
    lines.push(
      `${area}: ${counts.ok} as Envoy, ${counts.stricter} stricter than Envoy, ` +
        `${counts.waived} waived, ${counts.bad} bad`,
    );
  }
  Deno.stdout.writeSync(
    new TextEncoder().encode(`${lines.join("\n")}\n${passed} passed, ${failed} failed\n`),
  );
  Deno.exit(failed === 0 ? 0 : 1);
}
