import type { LogRecord } from "@logtape/logtape";
import { formatLine, logLevels } from "../../src/server/log.ts";
import { assertEquals } from "../support/assert.ts";

const DEFAULT = "[%Y-%m-%d %T.%e][%t][%l][%n] %v";

function record(more: Partial<LogRecord> = {}): LogRecord {
  return {
    category: ["denvoy", "main"],
    level: "info",
    message: ["started"],
    rawMessage: "started",
    timestamp: Date.UTC(2026, 10, 21, 3, 4, 5, 67),
    properties: {},
    ...more,
  };
}

const ROWS: readonly {
  readonly name: string;
  readonly format: string;
  readonly input: LogRecord;
  readonly want: string;
}[] = [
  {
    name: "Envoy's default form",
    format: DEFAULT,
    input: record(),
    want: "[2026-11-21 03:04:05.067][0][info][main] started",
  },
  {
    name: "values between the texts",
    format: "%v",
    input: record({ message: ["worker ", 3, " is lost"] }),
    want: "worker 3 is lost",
  },
  {
    name: "fatal is critical",
    format: "%l %L",
    input: record({ level: "fatal" }),
    want: "critical C",
  },
  {
    name: "parts of the time, microseconds",
    format: "%d.%m. %H-%M-%S %f",
    input: record(),
    want: "21.11. 03-04-05 067000",
  },
  { name: "no source places", format: "%g:%#|%v", input: record(), want: ":|started" },
  { name: "a percent sign, an unknown letter", format: "%% %q", input: record(), want: "% %q" },
  {
    name: "a forged line (log injection) stays one line",
    format: "%v",
    input: record({ message: ["path ", "/a\n[2026] [critical] forged\r\x1b[2J\x7f"] }),
    want: "path /a\\n[2026] [critical] forged\\x0d\\x1b[2J\\x7f",
  },
  {
    name: "tabs and letters beyond ASCII stay",
    format: "%v",
    input: record({ message: ["a\tö→"] }),
    want: "a\tö→",
  },
];

for (const { name, format, input, want } of ROWS) {
  Deno.test(`formatLine writes ${name}`, () => {
    assertEquals(formatLine(format, input, "0"), `${want}\n`);
  });
}

Deno.test("logLevels gives each component its own level or that of all", () => {
  const levels = logLevels("warning", new Map([["router", "trace"]]));
  assertEquals(levels.get("router"), "trace");
  assertEquals(
    new Set([...levels].filter(([name]) => name !== "router").map(([, level]) => level)),
    new Set(["warning"]),
  );
});
