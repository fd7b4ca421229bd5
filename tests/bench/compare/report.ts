/** The comparison's lines and its JSON. */

export interface Figure {
  readonly scenario: string;
  readonly unit: string;
  /** Medians. */
  readonly peer: number;
  readonly own: number;
}

const ENCODER = new TextEncoder();

/** Writes a line to stdout. */
export function say(line: string): void {
  Deno.stdout.writeSync(ENCODER.encode(`${line}\n`));
}

/** One figure as a line; a ratio below 1 is in denvoy's favour. */
export function figureLine(peerName: string, figure: Figure): string {
  const cells = [
    figure.scenario.padEnd(14),
    `${peerName} ${figure.peer.toFixed(1)}`.padStart(17),
    `denvoy ${figure.own.toFixed(1)}`.padStart(17),
    figure.unit.padEnd(10),
    `ratio ${(figure.own / figure.peer).toFixed(2)}`,
  ];
  return cells.join("  ");
}

/** All figures by scenario. */
export function figuresJson(peerName: string, figures: readonly Figure[]): string {
  const rows = figures.map(({ scenario, unit, peer, own }) => [
    scenario,
    { [peerName]: peer, denvoy: own, ratio: own / peer, unit },
  ]);
  return JSON.stringify(Object.fromEntries(rows), undefined, 1) + "\n";
}

/** The middle value; of two, the greater. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}
