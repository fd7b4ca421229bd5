// ORCA reports in their forms; one that does not parse whole counts for nothing, as in Envoy 1.40.

import { HeaderMap } from "../../src/http/mod.ts";
import { parseLoadReport } from "../../src/upstream/mod.ts";
import { assertEquals } from "../support/assert.ts";

/** A field with a double. */
function double(field: number, value: number): number[] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return [field * 8 + 1, ...bytes];
}

function bytes(field: number, value: readonly number[]): number[] {
  return [field * 8 + 2, value.length, ...value];
}

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));
const base64 = (...parts: readonly number[][]): string => new Uint8Array(parts.flat()).toBase64();
const FULL = base64(
  double(1, 0.5),
  [3 * 8, 0x96, 0x01],
  bytes(8, [...bytes(1, ascii("q")), ...double(2, 7)]),
  double(6, 100),
  bytes(15, ascii("?")),
);

const NAMES = ["cpu_utilization", "rps_fractional", "rps", "named_metrics.q", "utilization.disk"];
const ROWS = [
  { name: "TEXT", value: "TEXT cpu_utilization=0.5, rps_fractional:100,utilization.disk=0.25" },
  { name: "TEXT with spaces", value: "TEXT  cpu_utilization = 0.5 , rps = 3" },
  { name: "TEXT with an unknown metric", value: "TEXT cpu_utilization=0.5,speed=1" },
  { name: "TEXT with a metric twice", value: "TEXT cpu_utilization=0.5,cpu_utilization=0.6" },
  { name: "TEXT with no number", value: "TEXT cpu_utilization=half" },
  { name: "TEXT with an infinite number", value: "TEXT cpu_utilization=Infinity" },
  { name: "TEXT with a nameless metric of a map", value: "TEXT utilization.=1" },
  { name: "JSON", value: 'JSON {"cpu_utilization": 0.5, "named_metrics": {"q": 7}}' },
  { name: "JSON in camel case, in quotes", value: 'JSON {"rpsFractional": "100"}' },
  { name: "JSON with an unknown field", value: 'JSON {"cpu_utilization": 0.5, "speed": 1}' },
  { name: "JSON cut off", value: 'JSON {"cpu_utilization": 0.5' },
  { name: "JSON that is no object", value: "JSON [1]" },
  { name: "BIN", value: `BIN ${FULL}` },
  { name: "BIN cut off", value: `BIN ${base64(double(1, 0.5).slice(0, 5))}` },
  { name: "BIN that is no base64", value: "BIN *" },
  { name: "BIN without bytes", value: "BIN " },
  { name: "a varint that does not end", value: `BIN ${base64(Array(12).fill(0x80))}` },
  { name: "a length past the end", value: `BIN ${base64([5 * 8 + 2, 0xff, 0x7f])}` },
  { name: "another form", value: "YAML a: 1" },
  { name: "no form", value: "TEXT" },
];
const WANT: Readonly<Record<string, readonly number[]>> = {
  "TEXT": [0.5, 100, 0, 0, 0.25],
  "TEXT with spaces": [0.5, 0, 3, 0, 0],
  "JSON": [0.5, 0, 0, 7, 0],
  "JSON in camel case, in quotes": [0, 100, 0, 0, 0],
  "BIN": [0.5, 100, 150, 7, 0],
};

for (const { name, value } of ROWS) {
  Deno.test(`load report: ${name}`, () => {
    const report = parseLoadReport(HeaderMap.of(["endpoint-load-metrics", value]));
    assertEquals(report && NAMES.map((metric) => report.get(metric)), WANT[name]);
  });
}

Deno.test("load report: the binary header goes before the other", () => {
  const report = parseLoadReport(HeaderMap.of(
    ["endpoint-load-metrics", "TEXT cpu_utilization=0.9"],
    ["endpoint-load-metrics-bin", FULL],
  ));
  assertEquals(report?.get("cpu_utilization"), 0.5);
  assertEquals(parseLoadReport(HeaderMap.of()), undefined);
});

Deno.test("load report: the greatest of some metrics", () => {
  const text = "TEXT cpu_utilization=0.2,named_metrics.a=0.4,named_metrics.b=0.6,utilization.a=0.9";
  const report = parseLoadReport(HeaderMap.of(["endpoint-load-metrics", text]))!;
  assertEquals(report.greatest(["cpu_utilization", "named_metrics.a"]), 0.4);
  assertEquals(report.greatest(["named_metrics.*"]), 0.6);
  assertEquals(report.greatest(["named_metrics.c"]), 0);
});
