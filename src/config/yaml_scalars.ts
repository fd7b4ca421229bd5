/** The five styles of YAML scalars (YAML 1.2 §7.3, §8.1), read to their text. */

import { END, isBlank, isBreak, isSpaceOrEnd, type YamlCursor } from "./yaml_cursor.ts";

const DOUBLE_QUOTE = 0x22;
const HASH = 0x23;
const SINGLE_QUOTE = 0x27;
const PLUS = 0x2b;
const DASH = 0x2d;
const COLON = 0x3a;
const QUESTION = 0x3f;
const BACKSLASH = 0x5c;
const BAR = 0x7c;

function codes(letters: string): ReadonlySet<number> {
  return new Set(Array.from(letters, (letter) => letter.charCodeAt(0)));
}

const FLOW_INDICATORS = codes(",[]{}");
/** What no plain scalar begins with; `-`, `?` and `:` may, before anything but a space. */
const INDICATORS = codes(",[]{}#&*!|>'\"%@`");

/** Whether a char code is one of `,[]{}` (YAML 1.2 §5.3). */
export function isFlowIndicator(code: number): boolean {
  return FLOW_INDICATORS.has(code);
}

/** Folded lines: one break is a space, each further one a line feed. */
function folded(breaks: number): string {
  return breaks === 1 ? " " : "\n".repeat(breaks - 1);
}

/** Whether the indicator here, at the cursor, begins or ends no plain word. */
function isBare(cursor: YamlCursor, isInFlow: boolean): boolean {
  const next = cursor.code(1);
  return isSpaceOrEnd(next) || (isInFlow && isFlowIndicator(next));
}

/**
 * A plain scalar, over several lines where they are indented enough; undefined where none begins.
 * The cursor is left behind the last line's space, which a scalar over several lines has read.
 */
export function readPlain(
  cursor: YamlCursor,
  minIndent: number,
  isInFlow: boolean,
): string | undefined {
  const first = cursor.code();
  if (isSpaceOrEnd(first) || INDICATORS.has(first)) return undefined;
  const mayBeIndicator = first === DASH || first === QUESTION || first === COLON;
  if (mayBeIndicator && isBare(cursor, isInFlow)) return undefined;
  let value = "";
  for (;;) {
    value += plainLine(cursor, isInFlow);
    if (!isBreak(cursor.code())) return value;
    const { at, line, lineStart, indent, hasTab } = cursor;
    const breaks = cursor.skipSpace(false);
    const goesOn = cursor.indent >= minIndent && !cursor.isAtDocumentMark() &&
      continuesPlain(cursor, isInFlow);
    if (!goesOn) {
      Object.assign(cursor, { at, line, lineStart, indent, hasTab });
      return value;
    }
    value += folded(breaks);
  }
}

function continuesPlain(cursor: YamlCursor, isInFlow: boolean): boolean {
  const code = cursor.code();
  if (code === END || code === HASH) return false;
  if (code === COLON && isBare(cursor, isInFlow)) return false;
  return !(isInFlow && isFlowIndicator(code));
}

/** The rest of a line up to what ends a plain scalar, without the blanks before that. */
function plainLine(cursor: YamlCursor, isInFlow: boolean): string {
  const start = cursor.at;
  let end = start;
  for (;;) {
    const code = cursor.code();
    if (code === END || isBreak(code)) break;
    if (code === COLON && isBare(cursor, isInFlow)) break;
    if (code === HASH && isBlank(cursor.code(-1))) break;
    if (isInFlow && isFlowIndicator(code)) break;
    cursor.at++;
    if (!isBlank(code)) end = cursor.at;
  }
  return cursor.text.slice(start, end);
}

/** The line breaks within quotes, folded; as in yaml-cpp, the lines need no indentation. */
function quotedBreaks(cursor: YamlCursor): string {
  const breaks = cursor.skipSpace(false);
  if (cursor.isAtDocumentMark() || cursor.code() === END) cursor.fail("a quote is not closed");
  return folded(breaks);
}

/** A scalar in single quotes, at the opening one. */
export function readSingleQuoted(cursor: YamlCursor): string {
  const opening = cursor.at++;
  let value = "";
  let start = cursor.at;
  for (;;) {
    const code = cursor.code();
    if (code === END) cursor.fail("a quote is not closed", opening);
    if (code === SINGLE_QUOTE) {
      value += cursor.text.slice(start, cursor.at++);
      if (cursor.code() !== SINGLE_QUOTE) return value;
      start = cursor.at++;
    } else if (isBreak(code)) {
      value += trimmed(cursor.text.slice(start, cursor.at));
      value += quotedBreaks(cursor);
      start = cursor.at;
    } else cursor.at++;
  }
}

/** Blanks before a line break are no part of a quoted text. */
function trimmed(line: string): string {
  return line.replace(/[ \t]+$/, "");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "0": "\0",
  a: "\x07",
  b: "\b",
  t: "\t",
  "\t": "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  e: "\x1b",
  " ": " ",
  '"': '"',
  "/": "/",
  "\\": "\\",
  N: "\x85",
  _: "\xa0",
  L: "\u2028",
  P: "\u2029",
};
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** A scalar in double quotes, at the opening one. */
export function readDoubleQuoted(cursor: YamlCursor): string {
  const opening = cursor.at++;
  let value = "";
  let start = cursor.at;
  /** Where escaped blanks end, which are part of the text before a line break too. */
  let kept = cursor.at;
  for (;;) {
    const code = cursor.code();
    if (code === END) cursor.fail("a quote is not closed", opening);
    if (code === DOUBLE_QUOTE) return value + cursor.text.slice(start, cursor.at++);
    if (code === BACKSLASH) {
      value += cursor.text.slice(start, cursor.at++);
      if (isBreak(cursor.code())) {
        const breaks = quotedBreaks(cursor);
        value += breaks === " " ? "" : breaks;
      } else value += readEscape(cursor);
      start = kept = cursor.at;
    } else if (isBreak(code)) {
      value += cursor.text.slice(start, kept) + trimmed(cursor.text.slice(kept, cursor.at));
      value += quotedBreaks(cursor);
      start = kept = cursor.at;
    } else cursor.at++;
  }
}

function readEscape(cursor: YamlCursor): string {
  const letter = cursor.text.charAt(cursor.at);
  const plain = ESCAPES[letter];
  if (plain !== undefined) {
    cursor.at++;
    return plain;
  }
  const length = HEX_DIGITS[letter];
  if (length === undefined) cursor.fail(`"\\${letter}" is no escape sequence`, cursor.at - 1);
  const digits = cursor.text.slice(cursor.at + 1, cursor.at + 1 + length);
  const code = /^[0-9a-fA-F]+$/.test(digits) && digits.length === length
    ? parseInt(digits, 16)
    : Infinity;
  if (code > 0x10ffff) cursor.fail(`"\\${letter}${digits}" is no character`, cursor.at - 1);
  cursor.at += 1 + length;
  return String.fromCodePoint(code);
}

type Chomping = "clip" | "strip" | "keep";

interface BlockHeader {
  readonly isFolded: boolean;
  readonly chomping: Chomping;
  /** Undefined where the first line of text shows it. */
  readonly indent: number | undefined;
}

function readBlockHeader(cursor: YamlCursor, parentIndent: number): BlockHeader {
  const isFolded = cursor.code() !== BAR;
  let chomping: Chomping = "clip";
  let indent: number | undefined;
  cursor.at++;
  for (;; cursor.at++) {
    const code = cursor.code();
    if ((code === PLUS || code === DASH) && chomping === "clip") {
      chomping = code === PLUS ? "keep" : "strip";
    } else if (code > 0x30 && code <= 0x39 && indent === undefined) {
      indent = parentIndent + code - 0x30;
    } else break;
  }
  if (!isSpaceOrEnd(cursor.code())) cursor.fail("a block scalar begins on a line of its own");
  cursor.skipBlanks();
  if (cursor.code() === HASH) cursor.skipLine();
  if (!isBreak(cursor.code()) && cursor.code() !== END) {
    cursor.fail("a block scalar begins on a line of its own");
  }
  return { isFolded, chomping, indent };
}

/** A literal or folded block, at its `|` or `>`. @param parentIndent of the node that holds it */
export function readBlock(cursor: YamlCursor, parentIndent: number): string {
  const header = readBlockHeader(cursor, Math.max(parentIndent, 0));
  const lines: string[] = [];
  let { indent } = header;
  while (isBreak(cursor.code())) {
    const { at, line, lineStart, indent: before, hasTab } = cursor;
    cursor.nextLine();
    const isEmpty = isBreak(cursor.code()) || cursor.code() === END;
    if (isEmpty && (indent === undefined || cursor.indent <= indent)) {
      // A last line of nothing is no line.
      if (cursor.code() !== END || cursor.indent > 0) lines.push("");
      continue;
    }
    if (indent === undefined && cursor.indent > parentIndent) indent = cursor.indent;
    if (indent === undefined || cursor.indent < indent || cursor.isAtDocumentMark()) {
      Object.assign(cursor, { at, line, lineStart, indent: before, hasTab });
      break;
    }
    cursor.at = cursor.lineStart + indent;
    const start = cursor.at;
    cursor.skipLine();
    lines.push(cursor.text.slice(start, cursor.at));
  }
  return joinBlock(lines, header);
}

function joinBlock(lines: string[], { isFolded, chomping }: BlockHeader): string {
  let trailing = 0;
  while (lines.at(-1) === "") {
    lines.pop();
    trailing++;
  }
  const text = isFolded ? foldLines(lines) : lines.join("\n");
  if (chomping === "strip") return text;
  if (chomping === "clip") return lines.length === 0 ? "" : `${text}\n`;
  return text + "\n".repeat(lines.length === 0 ? trailing : trailing + 1);
}

/** Breaks between lines of text fold; those beside empty or more indented lines stay. */
function foldLines(lines: readonly string[]): string {
  let text = "";
  let breaks = 0;
  let isFirst = true;
  let wasIndented = false;
  for (const line of lines) {
    if (line === "") {
      breaks++;
      continue;
    }
    const isIndented = isBlank(line.charCodeAt(0));
    if (isFirst) text += "\n".repeat(breaks);
    else if (isIndented || wasIndented) text += "\n".repeat(breaks + 1);
    else text += breaks === 0 ? " " : "\n".repeat(breaks);
    text += line;
    breaks = 0;
    isFirst = false;
    wasIndented = isIndented;
  }
  return text;
}
