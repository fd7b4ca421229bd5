/**
 * Header values and paths are "binary strings" (one char code a byte), texts of the configuration
 * are Unicode. Whatever of the latter meets the former is turned into UTF-8 bytes at compile time.
 */

import { Buffer as NodeBuffer } from "node:buffer";

/** Whether all char codes are below 0x80, so that both forms are the same. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** Unicode text as the binary string of its UTF-8 bytes. */
export function binaryText(text: string): string {
  return isAscii(text) ? text : NodeBuffer.from(text, "utf8").toString("latin1");
}

/** A binary string read as UTF-8; undefined if it is not valid UTF-8. */
export function unicodeText(binary: string): string | undefined {
  if (isAscii(binary)) return binary;
  const bytes = NodeBuffer.from(binary, "latin1");
  const text = bytes.toString("utf8");
  return text.includes("\ufffd") && !NodeBuffer.from(text, "utf8").equals(bytes) ? undefined : text;
}

/** A–Z in lower case, every other byte as it is (absl::AsciiStrToLower). */
export function asciiLower(text: string): string {
  const lower = text.toLowerCase();
  // toLowerCase also changes bytes such as 0xC0, which are parts of UTF-8 sequences here.
  return lower === text || isAscii(text)
    ? lower
    : text.replace(/[A-Z]+/g, (part) => part.toLowerCase());
}
