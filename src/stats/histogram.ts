/**
 * Log-linear histograms as libcircllhist (Envoy's) has them: two decimal digits of mantissa and a
 * decimal exponent, so that a bin is at most 10 % wide. Recording is one map update; bins go to
 * main when it flushes, which is also when a histogram first appears.
 */

/** Units as Envoy names them; only for display. */
export type HistogramUnit = "unspecified" | "milliseconds" | "microseconds" | "bytes" | "percent";

/**
 * A bin as one integer: (exponent + 128) × 128 + mantissa, the mantissa 10–99, and 0 for the value zero.
 * @param value ≥ 0; negative values count as zero
 */
export function binOf(value: number): number {
  if (!(value > 0)) return 0;
  let exponent = Math.floor(Math.log10(value));
  let mantissa = Math.floor(value / 10 ** exponent * 10 + 1e-9);
  if (mantissa >= 100) {
    mantissa = 10;
    exponent++;
  } else if (mantissa < 10) {
    mantissa = 99;
    exponent--;
  }
  return (exponent + 128) * 128 + mantissa;
}

/** Lower bound of a bin. */
export function binLow(bin: number): number {
  if (bin === 0) return 0;
  return (bin & 127) / 10 * 10 ** ((bin >> 7) - 128);
}

/** Width of a bin. */
export function binWidth(bin: number): number {
  if (bin === 0) return 0;
  return 0.1 * 10 ** ((bin >> 7) - 128);
}

/** Bins with their counts, structured-clonable. */
export type HistogramBins = Map<number, number>;

/** One histogram of one thread; it holds what was recorded since the last flush. */
export class Histogram {
  readonly name: string;
  readonly unit: HistogramUnit;
  #bins: HistogramBins | undefined;

  constructor(name: string, unit: HistogramUnit) {
    this.name = name;
    this.unit = unit;
  }

  /** Counts one value; negative values count as zero. */
  record(value: number): void {
    const bin = binOf(value);
    const bins = this.#bins ??= new Map();
    bins.set(bin, (bins.get(bin) ?? 0) + 1);
  }

  /** Hands over what was recorded since the last call; undefined if nothing was. */
  take(): HistogramBins | undefined {
    const bins = this.#bins;
    this.#bins = undefined;
    return bins;
  }
}
