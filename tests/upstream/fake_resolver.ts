/** A resolver that a test answers for. */

import type { DnsAnswer, DnsQuery, DnsResolver } from "../../src/upstream/mod.ts";

/** Answers when the test says so. */
export class FakeResolver implements DnsResolver {
  readonly asked: {
    readonly name: string;
    readonly family: string;
    answer(...hosts: string[]): void;
    fail(details?: string): void;
  }[] = [];
  /** TTL of answers to come. */
  ttlMs = 30_000;
  cancelled = 0;

  resolve(name: string, family: string, onAnswer: (answer: DnsAnswer) => void): DnsQuery {
    this.asked.push({
      name,
      family,
      answer: (...hosts) =>
        onAnswer({
          status: "completed",
          addresses: hosts.map((host) => ({ host, ttlMs: this.ttlMs })),
        }),
      fail: (details = "cares_failure:DNS_server_returned_general_failure") =>
        onAnswer({ status: "failed", addresses: [], details }),
    });
    return { cancel: () => void this.cancelled++ };
  }

  close(): void {}

  get last(): FakeResolver["asked"][number] {
    return this.asked.at(-1)!;
  }
}
