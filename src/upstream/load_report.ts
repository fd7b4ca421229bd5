/**
 * ORCA load reports: what an endpoint says of its own load in the headers or trailers of a response
 * (xds.data.orca.v3.OrcaLoadReport, Envoy's source/common/orca/orca_parser.cc). A report that does
 * not parse as a whole counts for nothing.
 */

import type { HeaderMap } from "../http/mod.ts";

/** Metrics that have no name of the endpoint's own, in snake_case. */
type Metric =
  | "application_utilization"
  | "cpu_utilization"
  | "mem_utilization"
  | "eps"
  | "rps"
  | "rps_fractional";

/** Metrics that the endpoint names, by field. */
type MetricMap = "named_metrics" | "request_cost" | "utilization";

/** One report; metrics that are not there are zero. */
export class LoadReport {
  readonly #values = new Map<string, number>();

  /** By `cpu_utilization` or `named_metrics.<name>`. */
  get(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  /** @returns false if the metric is there already */
  add(name: string, value: number): boolean {
    if (this.#values.has(name)) return false;
    this.#values.set(name, value);
    return true;
  }

  /** The greatest of the named metrics; `named_metrics.*` stands for all of a field. */
  greatest(names: readonly string[]): number {
    let greatest = 0;
    for (const name of names) {
      if (!name.endsWith(".*")) {
        greatest = Math.max(greatest, this.get(name));
        continue;
      }
      const prefix = name.slice(0, -1);
      for (const [known, value] of this.#values) {
        if (known.startsWith(prefix)) greatest = Math.max(greatest, value);
      }
    }
    return greatest;
  }
}

const METRICS: ReadonlySet<string> = new Set<Metric>([
  "application_utilization",
  "cpu_utilization",
  "mem_utilization",
  "eps",
  "rps",
  "rps_fractional",
]);
const MAPS: ReadonlySet<string> = new Set<MetricMap>([
  "named_metrics",
  "request_cost",
  "utilization",
]);
/** Fields of OrcaLoadReport by number: doubles, but for the varint 3, and maps to doubles. */
const METRIC_FIELDS: readonly (Metric | undefined)[] = [
  undefined,
  "cpu_utilization",
  "mem_utilization",
  "rps",
  undefined,
  undefined,
  "rps_fractional",
  "eps",
  undefined,
  "application_utilization",
];
const MAP_FIELDS: Readonly<Record<number, MetricMap>> = {
  4: "request_cost",
  5: "utilization",
  8: "named_metrics",
};
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** The report in a response's headers or trailers; undefined if there is none, or a faulty one. */
export function parseLoadReport(headers: HeaderMap): LoadReport | undefined {
  const binary = headers.get("endpoint-load-metrics-bin");
  if (binary !== undefined) return parseBase64(binary);
  const header = headers.get("endpoint-load-metrics");
  if (header === undefined) return undefined;
  const space = header.indexOf(" ");
  const text = header.slice(space + 1);
  switch (header.slice(0, Math.max(0, space))) {
    case "BIN":
      return parseBase64(text);
    case "JSON":
      return parseJson(text);
    case "TEXT":
      return parseText(text);
    default:
      return undefined;
  }
}

/** `cpu_utilization=0.3, named_metrics.queue:7` */
function parseText(text: string): LoadReport | undefined {
  const report = new LoadReport();
  for (const part of text.split(",")) {
    const entry = part.trim();
    if (entry === "") continue;
    const at = entry.search(/[=:]/);
    const name = entry.slice(0, Math.max(0, at)).trim();
    const value = at < 0 ? NaN : numberOf(entry.slice(at + 1).trim());
    if (!isMetric(name) || !Number.isFinite(value) || !report.add(name, value)) return undefined;
  }
  return report;
}

function isMetric(name: string): boolean {
  if (METRICS.has(name)) return true;
  const dot = name.indexOf(".");
  return dot > 0 && dot < name.length - 1 && MAPS.has(name.slice(0, dot));
}

function numberOf(text: unknown): number {
  return typeof text === "number"
    ? text
    : typeof text === "string" && text !== ""
    ? Number(text)
    : NaN;
}

/** Protobuf's JSON: names in either case, numbers also in quotes. */
function parseJson(text: string): LoadReport | undefined {
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof object !== "object" || object === null || Array.isArray(object)) return undefined;
  const report = new LoadReport();
  for (const [key, value] of Object.entries(object)) {
    const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (METRICS.has(name)) {
      if (!addFinite(report, name, numberOf(value))) return undefined;
    } else if (MAPS.has(name) && typeof value === "object" && value !== null) {
      for (const [own, number] of Object.entries(value)) {
        if (!addFinite(report, `${name}.${own}`, numberOf(number))) return undefined;
      }
    } else return undefined;
  }
  return report;
}

function addFinite(report: LoadReport, name: string, value: number): boolean {
  return Number.isFinite(value) && report.add(name, value);
}

function parseBase64(text: string): LoadReport | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text.trim(), { lastChunkHandling: "loose" });
    return bytes.length === 0 ? undefined : parseWire(bytes);
  } catch {
    return undefined;
  }
}

/** Steps through protobuf fields; past the end, or in an unknown wire type, it throws RangeError. */
class WireFields {
  readonly #view: DataView;
  #at = 0;
  field = 0;
  type = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  next(): boolean {
    if (this.#at >= this.#view.byteLength) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.type = tag % 8;
    return true;
  }

  /** Exact up to 2^53. */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = this.#view.getUint8(this.#at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new RangeError("A varint has more than ten bytes");
  }

  double(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  bytes(): Uint8Array {
    const length = this.varint();
    if (length > this.#view.byteLength - this.#at) throw new RangeError("A field is cut off");
    this.#at += length;
    return new Uint8Array(
      this.#view.buffer,
      this.#view.byteOffset + this.#at - length,
      length,
    );
  }

  skip(): void {
    if (this.type === VARINT) this.varint();
    else if (this.type === FIXED64) this.double();
    else if (this.type === BYTES) this.bytes();
    else if (this.type === FIXED32) this.#at += 4;
    else throw new RangeError(`Unknown wire type ${this.type}`);
  }
}

function parseWire(bytes: Uint8Array): LoadReport | undefined {
  const values = new Map<string, number>();
  const fields = new WireFields(bytes);
  while (fields.next()) {
    const name = METRIC_FIELDS[fields.field];
    const map = MAP_FIELDS[fields.field];
    if (name !== undefined && fields.type === (name === "rps" ? VARINT : FIXED64)) {
      values.set(name, name === "rps" ? fields.varint() : fields.double());
    } else if (map !== undefined && fields.type === BYTES) {
      const [key, value] = mapEntry(new WireFields(fields.bytes()));
      values.set(`${map}.${key}`, value);
    } else fields.skip();
  }
  const report = new LoadReport();
  // The last of a field counts, as in protobuf.
  for (const [name, value] of values) report.add(name, value);
  return report;
}

function mapEntry(fields: WireFields): readonly [key: string, value: number] {
  let key = "";
  let value = 0;
  while (fields.next()) {
    if (fields.field === 1 && fields.type === BYTES) key = new TextDecoder().decode(fields.bytes());
    else if (fields.field === 2 && fields.type === FIXED64) value = fields.double();
    else fields.skip();
  }
  return [key, value];
}
