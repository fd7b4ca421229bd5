import { helpText, parseFlags } from "../../src/cli/flags.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";

const ROWS = [
  { args: ["-c", "a.yaml"], want: { configPath: "a.yaml" } },
  { args: ["--config-path=a.yaml"], want: { configPath: "a.yaml" } },
  { args: ["--config-yaml", "node: {id: x}"], want: { configYaml: "node: {id: x}" } },
  { args: ["--concurrency", "3"], want: { concurrency: 3 } },
  { args: ["--concurrency", "0"], want: { concurrency: 1 } },
  {
    args: [],
    want: { concurrency: 4, mode: "serve", drainTimeS: 600, fileFlushIntervalMs: 10_000 },
  },
  { args: ["-l", "warn"], want: { logLevel: "warning" } },
  {
    args: ["--component-log-level", "http:debug,router:off"],
    want: { componentLogLevels: new Map([["http", "debug"], ["router", "off"]]) },
  },
  { args: ["--mode", "validate"], want: { mode: "validate" } },
  {
    args: ["--drain-strategy", "immediate", "--drain-time-s", "1"],
    want: { drainStrategy: "immediate", drainTimeS: 1 },
  },
  {
    args: ["--use-dynamic-base-id", "--version"],
    want: { useDynamicBaseId: true, showVersion: true },
  },
] as const;
for (const { args, want } of ROWS) {
  Deno.test(`flags: ${args.join(" ") || "(none)"}`, () => {
    const parsed = parseFlags(args, 4);
    const options: { readonly [name: string]: unknown } = "options" in parsed
      ? { ...parsed.options }
      : {};
    for (const [key, value] of Object.entries(want)) assertEquals(options[key], value, key);
  });
}

const ERRORS = [
  { args: ["--nonsense"], want: /unknown argument "--nonsense"/ },
  { args: ["-c"], want: /-c needs a value: FILE/ },
  { args: ["--concurrency", "-1"], want: /--concurrency "-1": expected an integer of at least 0/ },
  { args: ["--mode", "loud"], want: /expected serve, validate or init_only/ },
  { args: ["-l", "loud"], want: /expected one of trace/ },
  { args: ["--component-log-level", "http"], want: /expected component:level/ },
] as const;
for (const { args, want } of ERRORS) {
  Deno.test(`flags: ${args.join(" ")} is an error by name`, () => {
    assertMatch((parseFlags(args, 4) as { error: string }).error, want);
  });
}

Deno.test("flags: the help names every flag of the design", () => {
  for (
    const flag of [
      "--config-path",
      "--admin-address-path",
      "--parent-shutdown-time-s",
      "--reject-unknown-dynamic-fields",
    ]
  ) {
    assertMatch(helpText(), new RegExp(flag));
  }
});
