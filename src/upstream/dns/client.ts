/**
 * Asks DNS servers: one datagram socket a try, so that each has its own random port (cache
 * poisoning needs to guess it and the id), TCP where asked for or where the answer was cut short.
 */

import { createSocket } from "node:dgram";
import { createConnection } from "node:net";
import { type Dispatcher, joinBytes, type Timer } from "../../base/mod.ts";
import { type Address } from "../../base/mod.ts";
import { decodeAnswer, type DnsMessage, encodeQuery } from "./message.ts";
import type { DnsAnswer, DnsQuery, FamilyLookup, IpFamily } from "./resolver.ts";
import { type ResolvConf, searchNames } from "./system_files.ts";

const PAYLOAD_BYTES = 1232;
const NXDOMAIN = 3;
/** As `ares_strerror` has them. */
const DETAILS = {
  badName: "cares_failure:Misformatted_domain_name",
  noServer: "cares_failure:Could_not_contact_DNS_servers",
  noData: "cares_norecords:DNS_server_returned_answer_with_no_data",
  noName: "cares_norecords:Domain_name_not_found",
  timeout: "cares_failure:Timeout_while_contacting_DNS_servers",
} as const;
/** By response code; others have the last one. */
const FAILURES: readonly string[] = [
  "",
  "cares_failure:DNS_server_claims_query_was_misformatted",
  "cares_failure:DNS_server_returned_general_failure",
  "",
  "cares_failure:DNS_server_does_not_implement_requested_operation",
  "cares_failure:DNS_server_refused_query",
];
const UNKNOWN_FAILURE = FAILURES[2]!;
const MAX_TCP_BYTES = 65_537;

/** One exchange with one server; `onDone` hears the datagram or undefined, once. */
export interface DnsTransport {
  exchange(
    server: Address,
    query: Uint8Array,
    onBytes: (bytes: Uint8Array) => void,
  ): { close(): void };
}

export interface DnsClientOptions {
  readonly dispatcher: Dispatcher;
  readonly conf: ResolvConf;
  readonly usesTcp: boolean;
  readonly udp?: DnsTransport;
  readonly tcp?: DnsTransport;
}

/**
 * Asks for the addresses of one family, over search list, servers and tries; what fails is an
 * answer, too.
 */
export class DnsClient implements FamilyLookup {
  readonly options: DnsClientOptions;

  constructor(options: DnsClientOptions) {
    this.options = options;
  }

  lookup(name: string, family: IpFamily, onAnswer: (answer: DnsAnswer) => void): DnsQuery {
    const names = searchNames(name, this.options.conf);
    let question: Question | undefined;
    let isCancelled = false;
    let hasFailed = false;
    let failure = UNKNOWN_FAILURE;
    const next = (index: number): void => {
      question = new Question(this.options, { name: names[index]!, family }, (answer) => {
        if (isCancelled) return;
        hasFailed ||= answer.status === "failed";
        if (answer.status === "failed") failure = answer.details ?? failure;
        if (answer.addresses.length > 0 || index + 1 === names.length) {
          onAnswer(
            answer.addresses.length === 0 && hasFailed
              ? { status: "failed", addresses: [], details: failure }
              : answer,
          );
        } else next(index + 1);
      });
      question.start();
    };
    next(0);
    return {
      cancel: () => {
        isCancelled = true;
        question?.stop();
      },
    };
  }
}

/** One name asked of the servers in turn, `attempts` rounds. */
class Question {
  readonly #options: DnsClientOptions;
  readonly #name: string;
  readonly #family: IpFamily;
  readonly #onAnswer: (answer: DnsAnswer) => void;
  readonly #timer: Timer;
  #try = 0;
  #exchange: { close(): void } | undefined;
  #isDone = false;
  /** What the last server said. */
  #failure: string = DETAILS.timeout;

  constructor(
    options: DnsClientOptions,
    question: { readonly name: string; readonly family: IpFamily },
    onAnswer: (answer: DnsAnswer) => void,
  ) {
    this.#options = options;
    this.#name = question.name;
    this.#family = question.family;
    this.#onAnswer = onAnswer;
    this.#timer = options.dispatcher.timers.create({ onTimer: () => this.#nextTry() });
  }

  start(): void {
    const { conf, dispatcher } = this.#options;
    if (conf.servers.length === 0) {
      dispatcher.defer(() => this.#fail(DETAILS.noServer));
    } else this.#ask(this.#options.usesTcp);
  }

  stop(): void {
    this.#isDone = true;
    this.#timer.cancel();
    this.#exchange?.close();
  }

  #ask(byTcp: boolean): void {
    const { conf, dispatcher } = this.#options;
    const id = dispatcher.random.below(65536);
    const query = encodeQuery(id, this.#name, {
      family: this.#family,
      payloadBytes: PAYLOAD_BYTES,
    });
    if (query === undefined) {
      dispatcher.defer(() => this.#finishEmpty(DETAILS.badName));
      return;
    }
    const server = conf.servers[this.#try % conf.servers.length]!;
    const transport = byTcp
      ? this.#options.tcp ?? TCP_TRANSPORT
      : this.#options.udp ?? UDP_TRANSPORT;
    this.#timer.arm(conf.timeoutMs);
    this.#exchange = transport.exchange(server, query, (bytes) => {
      dispatcher.run(() => {
        if (this.#isDone) return;
        const message = decodeAnswer(bytes, this.#name, this.#family);
        // Anybody may send to this port: what is no answer to the question is as if never come.
        if (message === undefined || message.id !== id) return;
        this.#onMessage(message, byTcp);
      });
    });
  }

  #onMessage(message: DnsMessage, byTcp: boolean): void {
    this.#exchange?.close();
    if (message.isTruncated && !byTcp) this.#ask(true);
    else if (message.code === NXDOMAIN) this.#finishEmpty(DETAILS.noName);
    else if (message.code !== 0) {
      this.#failure = FAILURES[message.code] ?? UNKNOWN_FAILURE;
      this.#nextTry();
    } else if (message.addresses.length === 0) this.#finishEmpty(DETAILS.noData);
    else this.#finish({ status: "completed", addresses: message.addresses });
  }

  #nextTry(): void {
    this.#exchange?.close();
    const { conf } = this.#options;
    this.#try++;
    if (this.#try < conf.servers.length * conf.attempts) this.#ask(this.#options.usesTcp);
    else this.#fail(this.#failure);
  }

  #fail(details: string): void {
    this.#finish({ status: "failed", addresses: [], details });
  }

  #finishEmpty(details: string): void {
    this.#finish({ status: "completed", addresses: [], details });
  }

  #finish(answer: DnsAnswer): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#timer.cancel();
    this.#onAnswer(answer);
  }
}

const UDP_TRANSPORT: DnsTransport = {
  exchange(server, query, onBytes) {
    if (server.kind !== "ip") return { close() {} };
    const socket = createSocket(server.host.includes(":") ? "udp6" : "udp4");
    let isOpen = true;
    // A refused or failed exchange is one that times out: the next try asks again.
    socket.on("error", () => {});
    socket.on("message", (bytes: Uint8Array, from: { address: string; port: number }) => {
      if (isOpen && from.port === server.port && from.address === server.host) onBytes(bytes);
    });
    socket.send(query, server.port, server.host);
    return {
      close() {
        if (!isOpen) return;
        isOpen = false;
        socket.close();
      },
    };
  },
};

const TCP_TRANSPORT: DnsTransport = {
  exchange(server, query, onBytes) {
    if (server.kind !== "ip") return { close() {} };
    const socket = createConnection({ host: server.host, port: server.port });
    let received = new Uint8Array(0);
    socket.on("error", () => {});
    socket.on("data", (bytes: Uint8Array) => {
      received = joinBytes(received, bytes);
      if (received.length > MAX_TCP_BYTES) socket.destroy();
      const length = (received[0]! << 8) | (received[1] ?? 0);
      if (received.length >= 2 && received.length - 2 >= length) {
        onBytes(received.subarray(2, 2 + length));
      }
    });
    const framed = new Uint8Array(query.length + 2);
    framed[0] = query.length >> 8;
    framed[1] = query.length & 255;
    framed.set(query, 2);
    socket.write(framed);
    return { close: () => void socket.destroy() };
  },
};
