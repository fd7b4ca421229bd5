/** A tiny DNS server on loopback, over UDP and TCP: what it answers is a table the test may change. */

import { createSocket, type Socket } from "node:dgram";
import { createServer, type Server, type Socket as TcpSocket } from "node:net";
import type { AddressInfo } from "node:net";

const TYPE_A = 1;
const TYPE_AAAA = 28;
const TYPE_CNAME = 5;
const NXDOMAIN = 3;
const TRUNCATED = 0x0200;

/** What is said of one name. */
export interface DnsEntry {
  readonly a?: readonly string[];
  /** Written out in full, as `fc00:0:0:0:0:0:0:1`. */
  readonly aaaa?: readonly string[];
  /** Another name, whose addresses are these. */
  readonly cname?: string;
  /** Seconds; 30 by default. */
  readonly ttl?: number;
  /** Response code, as 2 for SERVFAIL. */
  readonly code?: number;
  /** Over UDP the answer is cut short. */
  readonly isLong?: boolean;
  /** Queries that are not answered, before one is. */
  silent?: number;
}

export class DnsServer {
  readonly names = new Map<string, DnsEntry>();
  /** `udp A a.test`, in order. */
  readonly asked: string[] = [];
  readonly #udp: Socket;
  readonly #tcp: Server;
  readonly #connections = new Set<TcpSocket>();
  port = 0;

  private constructor(names: Readonly<Record<string, DnsEntry>>) {
    for (const [name, entry] of Object.entries(names)) this.names.set(name, entry);
    this.#udp = createSocket("udp4");
    this.#tcp = createServer((socket) => this.#accept(socket));
  }

  static async start(names: Readonly<Record<string, DnsEntry>>): Promise<DnsServer> {
    const server = new DnsServer(names);
    await server.#listen();
    return server;
  }

  async stop(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    await new Promise<void>((resolve) => this.#udp.close(() => resolve()));
    await new Promise<void>((resolve) => this.#tcp.close(() => resolve()));
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#tcp.listen(0, "127.0.0.1", resolve));
    this.port = (this.#tcp.address() as AddressInfo).port;
    await new Promise<void>((resolve) => this.#udp.bind(this.port, "127.0.0.1", resolve));
    this.#udp.on("message", (query: Uint8Array, from: { port: number; address: string }) => {
      const answer = this.#answer(query, "udp");
      if (answer !== undefined) this.#udp.send(answer, from.port, from.address);
    });
  }

  #accept(socket: TcpSocket): void {
    this.#connections.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#connections.delete(socket));
    socket.on("data", (bytes: Uint8Array) => {
      const answer = this.#answer(bytes.subarray(2), "tcp");
      if (answer === undefined) return;
      // In two pieces, as networks may bring it.
      const head = [answer.length >> 8, answer.length & 255, ...answer.subarray(0, 5)];
      socket.write(Uint8Array.from(head), () => socket.write(answer.subarray(5)));
    });
  }

  #answer(query: Uint8Array, transport: "udp" | "tcp"): Uint8Array | undefined {
    const labels: string[] = [];
    let at = 12;
    while (query[at]! > 0) {
      labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + query[at]!)));
      at += 1 + query[at]!;
    }
    const name = labels.join(".").toLowerCase();
    const type = (query[at + 1]! << 8) | query[at + 2]!;
    this.asked.push(`${transport} ${type === TYPE_A ? "A" : "AAAA"} ${name}`);
    const entry = this.names.get(name);
    if (entry?.silent !== undefined && entry.silent-- > 0) return undefined;
    const isCut = entry?.isLong === true && transport === "udp";
    const records = entry === undefined || isCut ? [] : recordsOf(entry, type);
    const code = entry === undefined ? NXDOMAIN : entry.code ?? 0;
    const flags = 0x8180 | code | (isCut ? TRUNCATED : 0);
    return Uint8Array.from([
      ...query.subarray(0, 2),
      ...u16(flags),
      ...u16(1),
      ...u16(records.length),
      ...u16(0),
      ...u16(0),
      ...query.subarray(12, at + 5),
      ...records.flat(),
    ]);
  }
}

function u16(value: number): number[] {
  return [value >> 8, value & 255];
}

/** Owner names point at the question, or at the alias that comes first. */
function recordsOf(entry: DnsEntry, type: number): number[][] {
  const list = type === TYPE_A ? entry.a : type === TYPE_AAAA ? entry.aaaa : undefined;
  const owner = entry.cname === undefined ? [0xc0, 12] : nameBytes(entry.cname);
  const ttl = [0, 0, ...u16(entry.ttl ?? 30)];
  const records = (list ?? []).map((host) => {
    const data = type === TYPE_A ? host.split(".").map(Number) : ipv6Bytes(host);
    return [...owner, ...u16(type), ...u16(1), ...ttl, ...u16(data.length), ...data];
  });
  if (entry.cname === undefined) return records;
  const alias = nameBytes(entry.cname);
  const first = [0xc0, 12, ...u16(TYPE_CNAME), ...u16(1), ...ttl, ...u16(alias.length), ...alias];
  return [first, ...records];
}

function nameBytes(name: string): number[] {
  const labels = name.split(".").flatMap((label) => [
    label.length,
    ...new TextEncoder().encode(label),
  ]);
  return [...labels, 0];
}

function ipv6Bytes(host: string): number[] {
  return host.split(":").flatMap((group) => u16(Number.parseInt(group, 16)));
}
