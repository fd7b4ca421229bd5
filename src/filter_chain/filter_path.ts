/**
 * One way through the filters of a stream: towards the upstream in chain order, towards the
 * downstream in reverse. A position per filter remembers where it stopped:
 *
 *   iterating --stop_iteration--> stopped ------continue, or a later "continue" status--> iterating
 *   iterating --stop_all--------> stopped_all --continue only---------------------------> iterating
 *
 * A filter "stopped" at its headers still gets data; one that stopped all gets none until it
 * continues. A stopped filter without the hook for what comes next stays stopped.
 */

import type { HeaderMap } from "../http/mod.ts";
import { BodyBuffer } from "./body_buffer.ts";
import type { DataStatus, HeadersStatus, HttpFilter, TrailersStatus } from "./http.ts";
import { HOOK } from "./hooks.ts";

/** What differs between the two ways. */
export interface PathHooks {
  readonly headersBit: number;
  readonly dataBit: number;
  readonly trailersBit: number;
  headers(filter: HttpFilter, headers: HeaderMap, endStream: boolean): HeadersStatus;
  data(filter: HttpFilter, bytes: Uint8Array, endStream: boolean): DataStatus;
  trailers(filter: HttpFilter, trailers: HeaderMap): TrailersStatus;
}

/** Towards the upstream. */
export const DECODE_HOOKS: PathHooks = {
  headersBit: HOOK.decodeHeaders,
  dataBit: HOOK.decodeData,
  trailersBit: HOOK.decodeTrailers,
  headers: (filter, headers, endStream) => filter.decodeHeaders!(headers, endStream),
  data: (filter, bytes, endStream) => filter.decodeData!(bytes, endStream),
  trailers: (filter, trailers) => filter.decodeTrailers!(trailers),
};

/** Towards the downstream. */
export const ENCODE_HOOKS: PathHooks = {
  headersBit: HOOK.encodeHeaders,
  dataBit: HOOK.encodeData,
  trailersBit: HOOK.encodeTrailers,
  headers: (filter, headers, endStream) => filter.encodeHeaders!(headers, endStream),
  data: (filter, bytes, endStream) => filter.encodeData!(bytes, endStream),
  trailers: (filter, trailers) => filter.encodeTrailers!(trailers),
};

/** Who receives what passed all filters, and decides about limits. */
export interface PathOwner {
  pathHeaders(path: FilterPath, headers: HeaderMap, endStream: boolean): void;
  pathData(path: FilterPath, bytes: Uint8Array, endStream: boolean): void;
  pathTrailers(path: FilterPath, trailers: HeaderMap): void;
  /** The buffer went over the limit; `streaming` asks for a pause of the source, else it is an error. */
  pathAboveLimit(path: FilterPath, streaming: boolean): void;
  pathBelowLimit(path: FilterPath): void;
  /** A hook returned after `abort()`: time for what it asked for. */
  pathAborted(): void;
  readonly bufferLimitBytes: number;
}

type PositionState = "iterating" | "stopped" | "stopped_all";

/** Where one filter stands on one path. */
class Position {
  readonly filter: HttpFilter;
  readonly hooks: number;
  /** Index in the chain. */
  readonly chainIndex: number;
  state: PositionState = "iterating";
  headersContinued = false;
  /** The filter has seen the end of the stream. */
  ended = false;

  constructor(filter: HttpFilter, hooks: number, chainIndex: number) {
    this.filter = filter;
    this.hooks = hooks;
    this.chainIndex = chainIndex;
  }
}

/** Iterates the filters of one direction and holds the body back where one of them stopped. */
export class FilterPath {
  readonly #owner: PathOwner;
  readonly #hooks: PathHooks;
  readonly #positions: Position[] = [];
  readonly #buffer = new BodyBuffer();
  /** Set where data was held back, also when it was an empty last frame. */
  #holdsData = false;
  #pausesSource = false;
  #streaming = false;
  #hookDepth = 0;
  #inTrailersHook = false;
  #aborted = false;
  #ended = false;
  #headers: HeaderMap | undefined = undefined;
  #trailers: HeaderMap | undefined = undefined;

  constructor(owner: PathOwner, hooks: PathHooks) {
    this.#owner = owner;
    this.#hooks = hooks;
  }

  addFilter(filter: HttpFilter, hooks: number, chainIndex: number): void {
    this.#positions.push(new Position(filter, hooks, chainIndex));
  }

  /** Whether a hook of this path is on the stack. */
  get isInHook(): boolean {
    return this.#hookDepth > 0;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  get headersMap(): HeaderMap | undefined {
    return this.#headers;
  }

  get trailersMap(): HeaderMap | undefined {
    return this.#trailers;
  }

  /** What is held for a stopped filter; undefined if nothing. */
  get buffered(): Uint8Array | undefined {
    return this.#buffer.length === 0 ? undefined : this.#buffer.peek();
  }

  /** Drops what is held. */
  clearData(): void {
    if (this.#holdsData) this.#release();
  }

  /** Ends iteration: no filter of this path is called any more. */
  abort(): void {
    this.#aborted = true;
  }

  /** Position of the first filter after the one at `chainIndex` on this path. */
  after(chainIndex: number): number {
    const positions = this.#positions;
    for (let i = 0; i < positions.length; i++) {
      if (positions[i]!.chainIndex === chainIndex) return i + 1;
    }
    // The filter has no hook on this path: the next one is the first that stands behind it.
    const forward = this.#hooks === DECODE_HOOKS;
    for (let i = 0; i < positions.length; i++) {
      const at = positions[i]!.chainIndex;
      if (forward ? at > chainIndex : at < chainIndex) return i;
    }
    return positions.length;
  }

  headers(headers: HeaderMap, endStream: boolean, from = 0): void {
    if (this.#aborted) return;
    this.#headers = headers;
    this.#ended = endStream;
    this.#runHeaders(from, endStream);
  }

  data(bytes: Uint8Array, endStream: boolean, from = 0): void {
    if (this.#aborted) return;
    if (endStream) this.#ended = true;
    this.#runData(from, bytes, { endStream, owned: false });
  }

  trailers(trailers: HeaderMap, from = 0): void {
    if (this.#aborted) return;
    this.#trailers = trailers;
    this.#ended = true;
    this.#runTrailers(from);
  }

  /** A stopped filter lets the stream go on. */
  resume(chainIndex: number): void {
    if (this.#aborted) return;
    const index = this.#positions.findIndex((position) => position.chainIndex === chainIndex);
    const position = this.#positions[index];
    if (position === undefined || position.state === "iterating") {
      throw new RangeError("A filter continued that had not stopped");
    }
    this.#resume(index);
  }

  /** Adds body bytes on behalf of a filter: they reach the filters after it (Envoy's addDecodedData). */
  addData(bytes: Uint8Array, chainIndex: number): void {
    if (this.#aborted) return;
    if (this.#inTrailersHook) {
      this.#runData(this.after(chainIndex), bytes, { endStream: false, owned: false });
      return;
    }
    this.#streaming = false;
    this.#hold(bytes, false);
  }

  #runHeaders(from: number, endStream: boolean): void {
    const headers = this.#headers!;
    const positions = this.#positions;
    // The first filter that gave a body to a message without one: those after it see a body.
    let bodyGiver = -1;
    for (let i = from; i < positions.length; i++) {
      const position = positions[i]!;
      const end = endStream && bodyGiver < 0;
      position.ended = end;
      if ((position.hooks & this.#hooks.headersBit) !== 0) {
        this.#hookDepth++;
        const status = this.#hooks.headers(position.filter, headers, end);
        this.#hookDepth--;
        if (this.#stopsAfterHook()) return;
        if (status !== "continue") {
          position.state = status === "stop_iteration" ? "stopped" : "stopped_all";
          this.#streaming = status === "stop_all_iteration_and_watermark";
          return this.#deliverGiven(bodyGiver);
        }
      }
      position.headersContinued = true;
      if (end && this.#holdsData) bodyGiver = i;
    }
    this.#owner.pathHeaders(this, headers, endStream && bodyGiver < 0);
    this.#deliverGiven(bodyGiver);
  }

  /** The body that a filter added to a message without one goes to those after it, stopped or not. */
  #deliverGiven(bodyGiver: number): void {
    if (bodyGiver < 0 || this.#aborted) return;
    this.#positions[bodyGiver]!.state = "stopped";
    this.#resume(bodyGiver);
  }

  #runData(
    from: number,
    bytes: Uint8Array,
    { endStream, owned }: { readonly endStream: boolean; readonly owned: boolean },
  ): void {
    const positions = this.#positions;
    const end = endStream && this.#trailers === undefined;
    for (let i = from; i < positions.length; i++) {
      const position = positions[i]!;
      if (position.state === "stopped_all") return this.#hold(bytes, owned);
      if (position.ended) return;
      position.ended = end;
      const status = this.#dataStatus(position, bytes, end);
      if (status === undefined) return;
      if (status === "continue") {
        if (position.state === "iterating") continue;
        this.#hold(bytes, owned);
        if (!this.#aborted) this.#resume(i);
        return;
      }
      position.state = "stopped";
      if (status === "stop_no_buffer") {
        // A later continue has to tell the others of the end, if only by an empty frame.
        if (end) this.#holdsData = true;
        return;
      }
      this.#streaming = status === "stop_and_watermark";
      return this.#hold(bytes, owned);
    }
    this.#owner.pathData(this, bytes, end);
  }

  /** What the filter says to the data; undefined if the path was aborted meanwhile. */
  #dataStatus(position: Position, bytes: Uint8Array, endStream: boolean): DataStatus | undefined {
    if ((position.hooks & this.#hooks.dataBit) === 0) {
      return position.state === "stopped" ? "stop_and_watermark" : "continue";
    }
    this.#hookDepth++;
    const status = this.#hooks.data(position.filter, bytes, endStream);
    this.#hookDepth--;
    return this.#stopsAfterHook() ? undefined : status;
  }

  #runTrailers(from: number): void {
    const trailers = this.#trailers!;
    const positions = this.#positions;
    for (let i = from; i < positions.length; i++) {
      const position = positions[i]!;
      if (position.state === "stopped_all") return;
      position.ended = true;
      if ((position.hooks & this.#hooks.trailersBit) === 0) {
        if (position.state === "stopped") return;
        continue;
      }
      this.#hookDepth++;
      this.#inTrailersHook = position.state === "iterating";
      const status = this.#hooks.trailers(position.filter, trailers);
      this.#inTrailersHook = false;
      this.#hookDepth--;
      if (this.#stopsAfterHook()) return;
      if (status === "continue") {
        if (position.state === "iterating") continue;
        return this.#resume(i);
      }
      position.state = "stopped";
      return;
    }
    this.#owner.pathTrailers(this, trailers);
  }

  #resume(index: number): void {
    const position = this.#positions[index]!;
    // One that stopped all has not seen the data itself; unless there was none, and it added some.
    const from = position.state === "stopped_all" && !position.ended ? index : index + 1;
    position.state = "iterating";
    if (!position.headersContinued) {
      position.headersContinued = true;
      const isLast = this.#ended && !this.#holdsData && this.#trailers === undefined;
      this.#runHeaders(index + 1, isLast);
      if (this.#aborted) return;
    }
    const hadTrailers = this.#trailers !== undefined;
    if (this.#holdsData) {
      const bytes = this.#release();
      this.#runData(from, bytes, { endStream: this.#ended && !hadTrailers, owned: true });
      if (this.#aborted) return;
    }
    if (hadTrailers) this.#runTrailers(from);
  }

  #hold(bytes: Uint8Array, owned: boolean): void {
    this.#holdsData = true;
    if (!this.#buffer.push(bytes, owned, this.#owner.bufferLimitBytes)) return;
    if (this.#streaming) this.#pausesSource = true;
    this.#owner.pathAboveLimit(this, this.#streaming);
  }

  #release(): Uint8Array {
    this.#holdsData = false;
    const bytes = this.#buffer.take();
    if (this.#pausesSource) {
      this.#pausesSource = false;
      this.#owner.pathBelowLimit(this);
    }
    return bytes;
  }

  #stopsAfterHook(): boolean {
    if (!this.#aborted) return false;
    this.#owner.pathAborted();
    return true;
  }
}
