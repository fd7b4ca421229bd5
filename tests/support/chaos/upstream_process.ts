/** An upstream process as the test holds it: started, told how to fail, killed and started again. */

const ENTRY = new URL("./upstream.ts", import.meta.url);

/** Ports that every upstream listens on, each at its own loopback address. */
export interface UpstreamPorts {
  readonly http1: number;
  readonly http2: number;
  readonly tcp: number;
}

/** One address and the process behind it, if any. */
export class UpstreamProcess {
  readonly address: string;
  readonly #ports: UpstreamPorts;
  #child: Deno.ChildProcess | undefined;
  #lines: ReadableStreamDefaultReader<string> | undefined;
  #rest = "";

  constructor(address: string, ports: UpstreamPorts) {
    this.address = address;
    this.#ports = ports;
  }

  /** Starts the process; settles once it listens. */
  async start(): Promise<void> {
    const { http1, http2, tcp } = this.#ports;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", ENTRY.href, this.address, String(http1), String(http2), String(tcp)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#rest = "";
    await this.#expect("ready");
  }

  /** Fails, or answers, this way from the moment that this settles. */
  async become(mode: "answer" | "stall" | "reset"): Promise<void> {
    const writer = this.#child!.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${mode}\n`));
    writer.releaseLock();
    await this.#expect(mode);
  }

  /** SIGKILL: the kernel closes and resets whatever it had open. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#lines!.cancel();
    await child.stdin.close().catch(() => {});
    await child.status;
  }

  async #expect(line: string): Promise<void> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines!.read();
      if (done) throw new Error(`The upstream ${this.address} is gone`);
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const said = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    if (said !== line) throw new Error(`The upstream says ${said} in place of ${line}`);
  }
}
