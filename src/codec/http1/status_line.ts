/** The status line of a response (RFC 9112 §4). The reason phrase means nothing and is dropped. */

/** One status line, reused for each response of a connection. */
export class StatusLine {
  status = 0;
  isHttp10 = false;

  /** Reads the first `length` characters of `text`. @returns whether it is one */
  parse(text: string, length: number): boolean {
    if (length < 12 || !text.startsWith("HTTP/1.") || text.charCodeAt(8) !== 32) return false;
    const minor = text.charCodeAt(7) - 48;
    if (minor < 0 || minor > 9) return false;
    this.isHttp10 = minor === 0;
    let status = 0;
    for (let i = 9; i < 12; i++) {
      const digit = text.charCodeAt(i) - 48;
      if (digit < 0 || digit > 9) return false;
      status = status * 10 + digit;
    }
    this.status = status;
    return status >= 100 && (length === 12 || text.charCodeAt(12) === 32);
  }
}
