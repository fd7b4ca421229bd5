/**
 * An open-loop HTTP/1.1 load: requests fall due by the clock, whatever became of the earlier ones,
 * and each takes a kept-alive connection that is free or a new one. Requests are prebuilt; one
 * timer paces all of them.
 */

import { connect, type Socket } from "node:net";

const TICK_MS = 5;
/**
 * Requests under way at once, in shares of a second's: twice what a stalled third of the upstreams
 * holds. What falls due beyond them waits.
 */
const MAX_UNDER_WAY_S = 0.67;
/** A machine that lets requests wait so long, or halts so long, cannot make the rate. */
const MAX_LAG_MS = 500;
/** Requests a second that any machine makes. */
export const LOWEST_RATE = 200;
const SLOWER = 0.7;
const POST_EVERY = 10;
const POST_BODY = "x".repeat(256);

/** What a load has sent and got so far. */
export interface LoadCounts {
  sent: number;
  answered: number;
  ok: number;
  /** Connections that ended in the place of an answer. */
  broken: number;
  /** Answers to another request than the one they follow. */
  mixedUp: number;
  /** Answers other than 200 by status and body. */
  readonly failures: Map<string, number>;
  /** Answers by the upstream's address. */
  readonly upstreams: Map<string, number>;
  mostUnderWay: number;
}

export interface LoadOptions {
  readonly port: number;
  /** Requests a second; lowered where the machine cannot make it. */
  readonly ratePerS: number;
  /** Paths begin with one of them in turn. */
  readonly prefixes: readonly string[];
  readonly maxRequests: number;
}

/** Sends until it is stopped or has sent `maxRequests`. */
export class HttpLoad {
  readonly counts: LoadCounts = {
    sent: 0,
    answered: 0,
    ok: 0,
    broken: 0,
    mixedUp: 0,
    failures: new Map(),
    upstreams: new Map(),
    mostUnderWay: 0,
  };
  /** The rate now; less than asked for if the machine cannot make that. */
  ratePerS: number;
  readonly #options: LoadOptions;
  readonly #free: LoadConnection[] = [];
  readonly #all = new Set<LoadConnection>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #lastMs = 0;
  /** Requests that are due, with a fraction. */
  #due = 0;
  #next = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.ratePerS = options.ratePerS;
  }

  start(): void {
    this.#lastMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** No more requests; settles when all are answered, by the proxy's timeouts at the latest. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    while (this.counts.answered + this.counts.broken < this.counts.sent) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const connection of this.#all) connection.close();
  }

  /** The mean time that answers take, as long as none is held back (Little's law). */
  get meanMs(): number {
    return this.#underWay * 1000 / this.ratePerS;
  }

  get #underWay(): number {
    return this.counts.sent - this.counts.answered - this.counts.broken;
  }

  #tick(): void {
    const now = performance.now();
    const sinceMs = now - this.#lastMs;
    this.#lastMs = now;
    this.#due += sinceMs * this.ratePerS / 1000;
    const { maxRequests } = this.#options;
    const maxUnderWay = this.ratePerS * MAX_UNDER_WAY_S;
    while (this.#due >= 1 && this.counts.sent < maxRequests && this.#underWay < maxUnderWay) {
      this.#due--;
      this.#send(this.#free.pop() ?? this.#open());
    }
    if (Math.max(sinceMs, this.#due * 1000 / this.ratePerS) < MAX_LAG_MS) return;
    this.#due = 0;
    this.ratePerS = Math.max(LOWEST_RATE, Math.floor(this.ratePerS * SLOWER));
  }

  #open(): LoadConnection {
    const connection = new LoadConnection(this.#options.port, {
      onAnswer: (answer) => this.#onAnswer(connection, answer),
      onClose: (wasWaiting) => this.#onClose(connection, wasWaiting),
    });
    this.#all.add(connection);
    return connection;
  }

  #send(connection: LoadConnection): void {
    const { prefixes } = this.#options;
    const number = this.#next++;
    const path = `${prefixes[number % prefixes.length]}/${number}`;
    this.counts.sent++;
    connection.send(path, number % POST_EVERY === 0 ? POST_BODY : "");
    this.counts.mostUnderWay = Math.max(this.counts.mostUnderWay, this.#underWay);
  }

  #onAnswer(connection: LoadConnection, answer: Answer): void {
    const { counts } = this;
    counts.answered++;
    if (answer.status !== 200) count(counts.failures, `${answer.status} ${answer.body}`);
    else if (answer.isMixedUp) counts.mixedUp++;
    else counts.ok++;
    if (answer.upstream !== undefined) count(counts.upstreams, answer.upstream);
    if (answer.closes) this.#drop(connection);
    else this.#free.push(connection);
  }

  #onClose(connection: LoadConnection, wasWaiting: boolean): void {
    if (wasWaiting) this.counts.broken++;
    this.#drop(connection);
  }

  #drop(connection: LoadConnection): void {
    this.#all.delete(connection);
    const at = this.#free.indexOf(connection);
    if (at >= 0) this.#free.splice(at, 1);
    connection.close();
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly upstream: string | undefined;
  readonly isMixedUp: boolean;
  readonly closes: boolean;
}

/** One keep-alive connection with one request at a time. */
class LoadConnection {
  readonly #socket: Socket;
  readonly #events: {
    onAnswer(answer: Answer): void;
    onClose(wasWaiting: boolean): void;
  };
  #wanted: string | undefined;
  #text = "";
  #isClosed = false;

  constructor(
    port: number,
    events: { onAnswer(answer: Answer): void; onClose(wasWaiting: boolean): void },
  ) {
    this.#events = events;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (text: string) => this.#onText(text));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      events.onClose(this.#wanted !== undefined);
    });
  }

  send(path: string, body: string): void {
    this.#wanted = `${path} ${body.length}`;
    const start = body === "" ? `GET ${path}` : `POST ${path}`;
    const length = body === "" ? "" : `content-length: ${body.length}\r\n`;
    this.#socket.write(`${start} HTTP/1.1\r\nhost: chaos.test\r\n${length}\r\n${body}`, "latin1");
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #onText(text: string): void {
    this.#text += text;
    const headEnd = this.#text.indexOf("\r\n\r\n");
    if (headEnd < 0 || this.#wanted === undefined) return;
    const head = this.#text.slice(0, headEnd);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (/\r\ntransfer-encoding: chunked/i.test(head)) {
      if (!this.#text.endsWith("\r\n0\r\n\r\n")) return;
    } else if (this.#text.length < headEnd + 4 + length) return;
    const body = bodyOf(this.#text.slice(headEnd + 4), length);
    const wanted = this.#wanted;
    this.#wanted = undefined;
    this.#text = "";
    this.#events.onAnswer({
      status: Number(head.slice(9, 12)),
      body,
      upstream: /\r\nx-upstream: (\S+)/i.exec(head)?.[1],
      isMixedUp: body !== wanted,
      closes: /\r\nconnection: close/i.test(head),
    });
  }
}

/** HTTP/2 upstreams do not tell a length, so their answers come in chunks. */
function bodyOf(text: string, length: number): string {
  if (length > 0) return text;
  let body = "";
  for (let at = 0;;) {
    const line = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, line), 16);
    if (line < 0 || !(size > 0)) return body;
    body += text.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
}
