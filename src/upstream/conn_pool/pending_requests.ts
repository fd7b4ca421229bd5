/** Requests that wait for a connection: first come, first served, each may be cancelled at once. */

import type { ResponseDecoder } from "../../http/mod.ts";
import type { PendingStream, StreamRequest } from "../api.ts";

/** One request in the line, which its user may cancel until a connection takes it. */
export class PendingRequest implements PendingStream {
  readonly decoder: ResponseDecoder;
  readonly request: StreamRequest;
  readonly #list: PendingRequests;
  /** @internal links of the list */
  previous: PendingRequest | undefined = undefined;
  next: PendingRequest | undefined = undefined;
  isWaiting = true;

  constructor(list: PendingRequests, decoder: ResponseDecoder, request: StreamRequest) {
    this.#list = list;
    this.decoder = decoder;
    this.request = request;
  }

  cancel(): void {
    if (!this.isWaiting) return;
    this.#list.remove(this);
    this.#list.onCancel();
  }
}

/** The line of one pool as a linked list, so that a cancellation costs the same anywhere in it. */
export class PendingRequests {
  #first: PendingRequest | undefined;
  #last: PendingRequest | undefined;
  #length = 0;
  /** Told after a request was cancelled. */
  readonly onCancel: () => void;

  constructor(onCancel: () => void) {
    this.onCancel = onCancel;
  }

  get length(): number {
    return this.#length;
  }

  add(decoder: ResponseDecoder, request: StreamRequest): PendingRequest {
    const pending = new PendingRequest(this, decoder, request);
    pending.previous = this.#last;
    if (this.#last === undefined) this.#first = pending;
    else this.#last.next = pending;
    this.#last = pending;
    this.#length++;
    return pending;
  }

  /** Takes the one that waits longest. */
  shift(): PendingRequest | undefined {
    const first = this.#first;
    if (first !== undefined) this.remove(first);
    return first;
  }

  remove(pending: PendingRequest): void {
    pending.isWaiting = false;
    if (pending.previous === undefined) this.#first = pending.next;
    else pending.previous.next = pending.next;
    if (pending.next === undefined) this.#last = pending.previous;
    else pending.next.previous = pending.previous;
    pending.previous = pending.next = undefined;
    this.#length--;
  }
}
