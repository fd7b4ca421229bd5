/** `ssl.*` stats of one listener or cluster, under Envoy's names. */

import { type Counter, type Scope, type StatGroup, statTemplate } from "../stats/mod.ts";

const TEMPLATE = statTemplate(`
  connection_error handshake session_reused no_certificate fail_verify_no_cert fail_verify_error
  fail_verify_san fail_verify_cert_hash ocsp_staple_failed ocsp_staple_omitted
  ocsp_staple_responses ocsp_staple_requests was_key_usage_invalid`);

export type TlsStatName =
  | "connection_error"
  | "handshake"
  | "session_reused"
  | "no_certificate"
  | "fail_verify_no_cert"
  | "fail_verify_error"
  | "fail_verify_san"
  | "fail_verify_cert_hash";

const INDEX = new Map(TEMPLATE.map((spec, index) => [spec.name, index]));

/** Versions and ciphers come out of our own library, not off the wire: their names are few. */
export class TlsStats {
  readonly #scope: Scope;
  readonly #group: StatGroup;
  readonly #named = new Map<string, Counter>();

  /** `scope` is the owner's, as in `listener.0.0.0.0_443`. */
  constructor(scope: Scope) {
    this.#scope = scope.scope("ssl");
    this.#group = this.#scope.group(TEMPLATE);
  }

  inc(name: TlsStatName): void {
    this.#group.inc(INDEX.get(name)!);
  }

  get(name: TlsStatName): number {
    return this.#group.get(INDEX.get(name)!);
  }

  /** Counts a finished handshake under `versions.…` and `ciphers.…`. */
  handshake(version: string, cipher: string, isResumed: boolean): void {
    this.inc("handshake");
    if (isResumed) this.inc("session_reused");
    if (version !== "") this.#incNamed("versions", version);
    if (cipher !== "") this.#incNamed("ciphers", cipher);
  }

  #incNamed(kind: "versions" | "ciphers", name: string): void {
    const key = `${kind}.${name}`;
    let counter = this.#named.get(key);
    if (counter === undefined) {
      counter = this.#scope.scope(kind).counter(name);
      this.#named.set(key, counter);
    }
    counter.inc();
  }
}
