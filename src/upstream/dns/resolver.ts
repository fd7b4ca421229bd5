/** What a resolver is, and how address families are looked up in Envoy's order. */

import type { LookupFamily } from "../main/discovery.ts";

/** One address of a name. */
export interface DnsAddress {
  /** IP, without brackets. */
  readonly host: string;
  readonly ttlMs: number;
}

/** The outcome of one look-up. */
export interface DnsAnswer {
  /** `completed` with no addresses: the name does not exist, or has none of this family. */
  readonly status: "completed" | "failed";
  readonly addresses: readonly DnsAddress[];
  /** Why there are none, in the words of c-ares; unknown where absent. */
  readonly details?: string;
}

/** A look-up under way. */
export interface DnsQuery {
  /** The answer is not wanted any more. */
  cancel(): void;
}

/** Resolves names; every query is answered once, never within the call. */
export interface DnsResolver {
  resolve(name: string, family: LookupFamily, onAnswer: (answer: DnsAnswer) => void): DnsQuery;
  close(): void;
}

export type IpFamily = 4 | 6;

/** Looks one family up; the face of what asks the servers. */
export interface FamilyLookup {
  lookup(name: string, family: IpFamily, onAnswer: (answer: DnsAnswer) => void): DnsQuery;
}

/** Families in the order they are tried, and whether the first that answers is enough. */
const PLANS: Readonly<
  Record<LookupFamily, { readonly families: readonly IpFamily[]; readonly takesAll: boolean }>
> = {
  auto: { families: [6, 4], takesAll: false },
  v4_preferred: { families: [4, 6], takesAll: false },
  v4_only: { families: [4], takesAll: false },
  v6_only: { families: [6], takesAll: false },
  all: { families: [4, 6], takesAll: true },
};

/** Tries families one after the other until one has addresses (or all, where all are wanted). */
export function resolveFamilies(
  lookup: FamilyLookup,
  question: { readonly name: string; readonly family: LookupFamily },
  onAnswer: (answer: DnsAnswer) => void,
): DnsQuery {
  const plan = PLANS[question.family];
  const found: DnsAddress[] = [];
  let details: string | undefined;
  let hasCompleted = false;
  let isCancelled = false;
  let query: DnsQuery | undefined;
  const next = (index: number): void => {
    query = lookup.lookup(question.name, plan.families[index]!, (answer) => {
      if (isCancelled) return;
      hasCompleted ||= answer.status === "completed";
      found.push(...answer.addresses);
      details = answer.details ?? details;
      const isEnough = index + 1 === plan.families.length ||
        (!plan.takesAll && found.length > 0);
      if (!isEnough) return next(index + 1);
      // One family that failed says nothing about a name the other knows nothing of.
      const status = found.length > 0 || (hasCompleted && answer.status === "completed")
        ? "completed"
        : "failed";
      onAnswer(
        found.length > 0 || details === undefined
          ? { status, addresses: found }
          : { status, addresses: found, details },
      );
    });
  };
  next(0);
  return {
    cancel: () => {
      isCancelled = true;
      query?.cancel();
    },
  };
}
