/** A client that speaks HTTP/1.1 as text over a plain socket, for tests of what is on the wire. */

export class RawClient {
  readonly #connection: Deno.Conn;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  #text = "";
  #isClosed = false;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** @param to a port of 127.0.0.1, or the path of a Unix socket */
  static async connect(to: number | string): Promise<RawClient> {
    return new RawClient(
      typeof to === "number"
        ? await Deno.connect({ hostname: "127.0.0.1", port: to })
        : await Deno.connect({ transport: "unix", path: to }),
    );
  }

  /** Sends without waiting for an answer; the text must fit into the socket's buffer. */
  send(text: string): void {
    void this.#connection.write(this.#encoder.encode(text)).catch(() => {});
  }

  /** One request, one response with a content-length. */
  async get(path: string): Promise<string> {
    this.send(`GET ${path} HTTP/1.1\r\nhost: test\r\n\r\n`);
    for (;;) {
      const head = this.#text.indexOf("\r\n\r\n");
      if (head >= 0) {
        const length = Number(/content-length: (\d+)/.exec(this.#text)?.[1] ?? 0);
        const end = head + 4 + length;
        if (this.#text.length >= end) {
          const reply = this.#text.slice(0, end);
          this.#text = this.#text.slice(end);
          return reply;
        }
      }
      if (!await this.#read()) throw new Error(`Closed after ${JSON.stringify(this.#text)}`);
    }
  }

  /** What comes until the peer closes or resets. */
  async rest(): Promise<string> {
    while (await this.#read());
    return this.#text;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#connection.close();
    } catch {
      // The runtime has closed it already.
    }
  }

  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(65536);
    let size: number | null;
    try {
      size = await this.#connection.read(buffer);
    } catch {
      return false;
    }
    if (size === null) return false;
    this.#text += this.#decoder.decode(buffer.subarray(0, size), { stream: true });
    return true;
  }
}
