/**
 * Collects once a crowd of connections has come and gone quiet: what their handshakes and first
 * requests left behind would else stay until the next load, 4 KiB a connection.
 */

/**
 * Connections more than at the last collection that make one worth its some 30 ms, and their share of
 * those there were: the pause grows with all that are open.
 */
const CROWD = 256;
const CROWD_SHARE = 1 / 8;
/** So few turns between two looks are as good as none. */
const QUIET_TURNS = 20;

/** To be asked at an even pace; connections that come and go at once are V8's own affair. */
export class QuietCollector {
  readonly #collect: () => void;
  #collectedAt = 0;
  #turns = 0;

  constructor(collect: () => void) {
    this.#collect = collect;
  }

  /** `turns` are all so far, `connections` those that are open. */
  look(turns: number, connections: number): void {
    const isQuiet = turns - this.#turns <= QUIET_TURNS;
    this.#turns = turns;
    if (connections < this.#collectedAt) this.#collectedAt = connections;
    const more = Math.max(CROWD, this.#collectedAt * CROWD_SHARE);
    if (!isQuiet || connections < this.#collectedAt + more) return;
    this.#collectedAt = connections;
    this.#collect();
  }
}
