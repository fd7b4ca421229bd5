/**
 * Virtual hosts by domain: exact names by hash, then `*suffix` and `prefix*` wildcards from the
 * longest on, then `*` (Envoy's order). The cost does not grow with the number of domains, only
 * with that of distinct wildcard lengths.
 */

import { asciiLower } from "../matching/mod.ts";

/** Wildcards of one kind: by length, then by text. */
class Wildcards<Target> {
  readonly #byLength = new Map<number, Map<string, Target>>();
  /** Longest first. */
  #lengths: number[] = [];

  /** @returns false if the text is there already */
  add(text: string, target: Target): boolean {
    let texts = this.#byLength.get(text.length);
    if (texts === undefined) {
      texts = new Map();
      this.#byLength.set(text.length, texts);
      this.#lengths = [...this.#byLength.keys()].sort((a, b) => b - a);
    }
    if (texts.has(text)) return false;
    texts.set(text, target);
    return true;
  }

  /** The target of the longest wildcard that leaves at least one character of `host`. */
  find(host: string, isSuffix: boolean): Target | undefined {
    for (const length of this.#lengths) {
      if (length >= host.length) continue;
      const part = isSuffix ? host.slice(host.length - length) : host.slice(0, length);
      const target = this.#byLength.get(length)!.get(part);
      if (target !== undefined) return target;
    }
    return undefined;
  }

  get isEmpty(): boolean {
    return this.#lengths.length === 0;
  }
}

/** A map from host names to `Target`, case-insensitive, by exact name or wildcard. */
export class Domains<Target> {
  readonly #exact = new Map<string, Target>();
  readonly #suffixes = new Wildcards<Target>();
  readonly #prefixes = new Wildcards<Target>();
  #any: Target | undefined;
  #hasOnlyAny = true;

  /** Adds one domain as configured. @returns what is wrong with it */
  add(domain: string, target: Target): "duplicate" | "two_wildcards" | undefined {
    if (domain === "*") {
      if (this.#any !== undefined) return "two_wildcards";
      this.#any = target;
      return undefined;
    }
    this.#hasOnlyAny = false;
    const name = asciiLower(domain);
    if (name.startsWith("*")) {
      return this.#suffixes.add(name.slice(1), target) ? undefined : "duplicate";
    }
    if (name.endsWith("*")) {
      return this.#prefixes.add(name.slice(0, -1), target) ? undefined : "duplicate";
    }
    if (this.#exact.has(name)) return "duplicate";
    this.#exact.set(name, target);
    return undefined;
  }

  /** The target of a host in any letter case, with its port. */
  find(host: string): Target | undefined {
    if (this.#hasOnlyAny) return this.#any;
    let target = this.#exact.get(host);
    if (target !== undefined) return target;
    const name = asciiLower(host);
    if (name !== host) {
      target = this.#exact.get(name);
      if (target !== undefined) return target;
    }
    if (!this.#suffixes.isEmpty) {
      target = this.#suffixes.find(name, true);
      if (target !== undefined) return target;
    }
    if (!this.#prefixes.isEmpty) {
      target = this.#prefixes.find(name, false);
      if (target !== undefined) return target;
    }
    return this.#any;
  }
}

/** Index of the colon before a host's port, -1 if it has none; the colons of `[::1]` are none. */
export function portStart(host: string): number {
  const colon = host.lastIndexOf(":");
  return colon >= 0 && host.lastIndexOf("]") < colon ? colon : -1;
}
