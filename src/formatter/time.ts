/** Times as absl::FormatTime and Envoy's DateFormatter print them; compiled once, always UTC. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** A moment: whole seconds since 1970, the nanoseconds beyond, and the calendar of both. */
interface Moment {
  readonly seconds: number;
  readonly nanos: number;
  readonly date: Date;
}

type TimePart = string | ((moment: Moment) => string);

/** Prints a Unix time in milliseconds (fractions count). */
export type TimeFormatter = (wallMs: number) => string;

const two = (value: number): string => value < 10 ? `0${value}` : String(value);
const padded = (value: number): string => value < 10 ? ` ${value}` : String(value);
const hour12 = (date: Date): number => date.getUTCHours() % 12 || 12;
const nanos9 = (moment: Moment): string => String(moment.nanos).padStart(9, "0");

const clock = (date: Date): string =>
  `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
const isoDate = (date: Date): string =>
  `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
const usDate = (date: Date): string =>
  `${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}/${two(date.getUTCFullYear() % 100)}`;
const shortDay = (date: Date): string => DAYS[date.getUTCDay()]!.slice(0, 3);
const shortMonth = (date: Date): string => MONTHS[date.getUTCMonth()]!.slice(0, 3);
const halfDay = (date: Date): string => date.getUTCHours() < 12 ? "AM" : "PM";

function dayOfYear(date: Date): number {
  const start = Date.UTC(date.getUTCFullYear(), 0, 1);
  return Math.floor((date.getTime() - start) / 86_400_000) + 1;
}

/** Week of the year whose weeks begin on `first` (0 Sunday, 1 Monday): %U and %W. */
function weekOfYear(date: Date, first: number): number {
  const weekday = (date.getUTCDay() - first + 7) % 7;
  return Math.floor((dayOfYear(date) + 6 - weekday) / 7);
}

/** ISO 8601 year and week: %G, %g and %V. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  // The week belongs to the year of its Thursday.
  const thursday = new Date(date.getTime() + (3 - (date.getUTCDay() + 6) % 7) * 86_400_000);
  return {
    year: thursday.getUTCFullYear(),
    week: Math.floor((dayOfYear(thursday) - 1) / 7) + 1,
  };
}

// deno-fmt-ignore
const CONVERSIONS: Readonly<Record<string, (moment: Moment) => string>> = {
  "%": () => "%",
  A: ({ date }) => DAYS[date.getUTCDay()]!,
  B: ({ date }) => MONTHS[date.getUTCMonth()]!,
  C: ({ date }) => two(Math.floor(date.getUTCFullYear() / 100)),
  D: ({ date }) => usDate(date),
  F: ({ date }) => isoDate(date),
  G: ({ date }) => String(isoWeek(date).year),
  H: ({ date }) => two(date.getUTCHours()),
  I: ({ date }) => two(hour12(date)),
  M: ({ date }) => two(date.getUTCMinutes()),
  R: ({ date }) => `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`,
  S: ({ date }) => two(date.getUTCSeconds()),
  T: ({ date }) => clock(date),
  U: ({ date }) => two(weekOfYear(date, 0)),
  V: ({ date }) => two(isoWeek(date).week),
  W: ({ date }) => two(weekOfYear(date, 1)),
  X: ({ date }) => clock(date),
  Y: ({ date }) => String(date.getUTCFullYear()),
  Z: () => "UTC",
  a: ({ date }) => shortDay(date),
  b: ({ date }) => shortMonth(date),
  c: ({ date }) => `${shortDay(date)} ${shortMonth(date)} ${padded(date.getUTCDate())} ${clock(date)} ${date.getUTCFullYear()}`,
  d: ({ date }) => two(date.getUTCDate()),
  e: ({ date }) => padded(date.getUTCDate()),
  f: nanos9,
  g: ({ date }) => two(isoWeek(date).year % 100),
  h: ({ date }) => shortMonth(date),
  j: ({ date }) => String(dayOfYear(date)).padStart(3, "0"),
  k: ({ date }) => padded(date.getUTCHours()),
  l: ({ date }) => padded(hour12(date)),
  m: ({ date }) => two(date.getUTCMonth() + 1),
  n: () => "\n",
  p: ({ date }) => halfDay(date),
  r: ({ date }) => `${two(hour12(date))}:${clock(date).slice(3)} ${halfDay(date)}`,
  s: ({ seconds }) => String(seconds),
  t: () => "\t",
  u: ({ date }) => String(date.getUTCDay() || 7),
  w: ({ date }) => String(date.getUTCDay()),
  x: ({ date }) => usDate(date),
  y: ({ date }) => two(date.getUTCFullYear() % 100),
  z: () => "+0000",
};

/** `%1f` to `%9f` (Envoy), `%E4S`, `%E4f`, `%E*S`, `%E*f`, `%Ez` (absl); undefined for all else. */
function parseExtended(format: string, at: number): { part: TimePart; end: number } | undefined {
  const digit = format.charCodeAt(at) - 0x30;
  if (digit >= 1 && digit <= 9 && format[at + 1] === "f") {
    return { part: (moment) => nanos9(moment).slice(0, digit), end: at + 2 };
  }
  if (digit >= 1 && digit <= 9 && format[at + 1] === "s") {
    return { part: CONVERSIONS["s"]!, end: at + 2 };
  }
  if (format[at] !== "E") return undefined;
  if (format[at + 1] === "z") return { part: "+00:00", end: at + 2 };
  const isFull = format[at + 1] === "*";
  const count = isFull ? 9 : format.charCodeAt(at + 1) - 0x30;
  const kind = format[at + 2];
  if (!(count >= 0 && count <= 9) || (kind !== "S" && kind !== "f")) return undefined;
  const digits = (moment: Moment): string =>
    isFull ? nanos9(moment).replace(/0+$/, "") : nanos9(moment).slice(0, count);
  if (kind === "f") return { part: (moment) => digits(moment) || "0", end: at + 3 };
  const part = (moment: Moment): string => {
    const fraction = digits(moment);
    return two(moment.date.getUTCSeconds()) + (fraction === "" ? "" : `.${fraction}`);
  };
  return { part, end: at + 3 };
}

function parseTime(format: string): readonly TimePart[] {
  const parts: TimePart[] = [];
  let literal = "";
  const push = (part: TimePart): void => {
    if (literal !== "") parts.push(literal);
    literal = "";
    parts.push(part);
  };
  for (let i = 0; i < format.length;) {
    const conversion = format[i] === "%" ? format[i + 1] : undefined;
    if (conversion === undefined) {
      literal += format[i++];
      continue;
    }
    const extended = parseExtended(format, i + 1);
    const part = extended?.part ??
      (Object.hasOwn(CONVERSIONS, conversion) ? CONVERSIONS[conversion] : undefined);
    if (part === undefined) {
      literal += format[i++];
      continue;
    }
    push(part);
    i = extended?.end ?? i + 2;
  }
  if (literal !== "") parts.push(literal);
  return parts;
}

/** Compiles a strftime format with Envoy's `%f` (nanoseconds) and `%3f`. */
export function compileTimeFormat(format: string): TimeFormatter {
  const parts = parseTime(format);
  return (wallMs) => {
    const seconds = Math.floor(wallMs / 1000);
    // The wall clock resolves microseconds at best; a float of this size errs by a quarter of one.
    const micros = Math.min(Math.round((wallMs - seconds * 1000) * 1000), 999_999);
    const moment = { seconds, nanos: micros * 1000, date: new Date(seconds * 1000) };
    let text = "";
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      text += typeof part === "string" ? part : part(moment);
    }
    return text;
  };
}

/** `2026-11-21T10:46:06.413Z`, the default of log lines. */
export function formatIsoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
