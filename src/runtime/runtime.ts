/** Runtime values: what layers say, else what the configuration says. Read on the hot path, replaced whole. */

/** Denominators of FractionalPercent: HUNDRED, TEN_THOUSAND, MILLION. */
export const FRACTION_DENOMINATORS: readonly number[] = [100, 10_000, 1_000_000];

/** A share of requests: `numerator` of `denominator`, under a runtime key that may override it. */
export interface RuntimeFraction {
  readonly numerator: number;
  readonly denominator: number;
  /** "" if no key. */
  readonly runtimeKey: string;
}

/** Values by key as the merged layers give them: numbers, booleans, strings, or fractions as objects. */
export type RuntimeValues = ReadonlyMap<string, unknown>;

/** The merged values of one thread by key, with typed readers that take the configured default. */
export class Runtime {
  #values: RuntimeValues;

  constructor(values: RuntimeValues = new Map()) {
    this.#values = values;
  }

  /** Replaces all values at once (admin's /runtime_modify, a changed layer). */
  replace(values: RuntimeValues): void {
    this.#values = values;
  }

  get(key: string): unknown {
    return this.#values.get(key);
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.#values.get(key);
    return typeof value === "boolean" ? value : fallback;
  }

  number(key: string, fallback: number): number {
    const value = this.#values.get(key);
    if (typeof value === "number") return value;
    if (typeof value === "string" && value !== "" && Number.isFinite(Number(value))) {
      return Number(value);
    }
    return fallback;
  }

  /**
   * Whether a request with this random value is in the share. An integer under the key means
   * percent for a FractionalPercent of denominator 100, as Envoy reads it.
   */
  fractionEnabled(fraction: RuntimeFraction, random: number): boolean {
    if (fraction.runtimeKey === "") {
      return random % fraction.denominator < fraction.numerator;
    }
    const value = this.#values.get(fraction.runtimeKey);
    if (typeof value === "number") return random % 100 < value;
    if (typeof value === "object" && value !== null && "numerator" in value) {
      const given = value as { numerator: number; denominator?: string | number };
      return random % denominatorOf(given.denominator) < given.numerator;
    }
    return random % fraction.denominator < fraction.numerator;
  }
}

function denominatorOf(name: string | number | undefined): number {
  if (name === "TEN_THOUSAND" || name === 1) return 10_000;
  if (name === "MILLION" || name === 2) return 1_000_000;
  return 100;
}
