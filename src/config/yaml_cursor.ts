/** A place in a YAML text: letters, lines, indentation, and the space and comments between tokens. */

import { Unreadable } from "./tree.ts";

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
const HASH = 0x23;
const DASH = 0x2d;
const DOT = 0x2e;
/** What `code` gives behind the text's end; the text itself may not hold it. */
export const END = -1;

/** Whether a char code ends a line (YAML 1.2 §5.4). */
export function isBreak(code: number): boolean {
  return code === LF || code === CR;
}

/** Whether a char code is a space or a tab (YAML 1.2 §5.5). */
export function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Whether a token ends here. */
export function isSpaceOrEnd(code: number): boolean {
  return code === SPACE || code === TAB || code === LF || code === CR || code === END;
}

/** Moves over a text. Indentation counts spaces; tabs never indent (YAML 1.2 §6.1). */
export class YamlCursor {
  readonly text: string;
  at = 0;
  line = 0;
  lineStart = 0;
  /** Spaces before the first letter of the line. */
  indent = 0;
  /** Whether a tab stands before the first letter of the line. */
  hasTab = false;

  constructor(text: string) {
    this.text = text;
  }

  /** The letter here or some further on; END behind the text. */
  code(ahead = 0): number {
    const at = this.at + ahead;
    return at < this.text.length ? this.text.charCodeAt(at) : END;
  }

  /** Steps over one line break and measures the next line. */
  nextLine(): void {
    this.at += this.code() === CR && this.code(1) === LF ? 2 : 1;
    this.line++;
    this.lineStart = this.at;
    while (this.code() === SPACE) this.at++;
    this.indent = this.at - this.lineStart;
    this.hasTab = this.code() === TAB;
  }

  skipBlanks(): void {
    while (isBlank(this.code())) this.at++;
  }

  skipLine(): void {
    while (!isBreak(this.code()) && this.code() !== END) this.at++;
  }

  /** Steps over blanks, line breaks and comments. @returns how many lines have ended */
  skipSpace(takesComments = true): number {
    const line = this.line;
    for (;;) {
      this.skipBlanks();
      const isComment = takesComments && this.code() === HASH &&
        (this.at === 0 || isSpaceOrEnd(this.text.charCodeAt(this.at - 1)));
      if (isComment) this.skipLine();
      if (!isBreak(this.code())) return this.line - line;
      this.nextLine();
    }
  }

  /** Whether `---` or `...` stands here, at the start of a line. */
  isAtDocumentMark(): boolean {
    const mark = this.code();
    return this.at === this.lineStart && (mark === DASH || mark === DOT) &&
      this.code(1) === mark && this.code(2) === mark && isSpaceOrEnd(this.code(3));
  }

  fail(message: string, offset: number = this.at): never {
    throw new Unreadable(Math.min(offset, this.text.length), message);
  }
}
