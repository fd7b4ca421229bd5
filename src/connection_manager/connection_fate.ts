/** Whether a connection goes on after the response of one stream, and what that response says of it. */

import { H, type HeaderMap, type Protocol } from "../http/mod.ts";
import { asksToClose } from "./stream_facts.ts";

/** What the connection itself knows. */
export interface FateOwner {
  readonly protocol: Protocol;
  /** Asks the listener whether to drain, and begins to. @returns whether the connection ends soon */
  checkDrain(): boolean;
  /** No further request after this one (HTTP/1). */
  closeAfterStream(): void;
}

/** Decides by request, response and drain state whether a stream is the last on its connection. */
export class ConnectionFate {
  readonly #owner: FateOwner;
  /** The stream is the last one on its connection. */
  closes = false;

  constructor(owner: FateOwner) {
    this.#owner = owner;
  }

  /** The client may want its connection closed. */
  noteRequest(headers: HeaderMap): void {
    if (asksToClose(headers, this.#owner.protocol)) this.closes = true;
  }

  /** A bad request may have left the connection where the next one cannot be told apart. */
  noteLocalReply(status: number, keepsConnectionOnErrors: boolean): void {
    const isHttp1 = this.#owner.protocol !== "HTTP/2";
    if (status === 400 && isHttp1 && !keepsConnectionOnErrors) this.closes = true;
  }

  /** Settles it with the response's head; a tunnel's head says nothing, for it is no HTTP any more. */
  settle(
    headers: HeaderMap,
    state: { readonly isTunnel: boolean; readonly isRequestComplete: boolean },
  ): void {
    const owner = this.#owner;
    const isDraining = owner.checkDrain();
    if (owner.protocol === "HTTP/2") return;
    if (owner.protocol === "HTTP/1.0") {
      if (!headers.hasId(H.contentLength)) this.closes = true;
      if (!this.closes) headers.setId(H.connection, "keep-alive");
    }
    // The rest of an unfinished request would be read as the next one.
    if (!state.isRequestComplete) this.closes = true;
    if (this.closes) owner.closeAfterStream();
    if ((this.closes || isDraining) && !state.isTunnel) headers.setId(H.connection, "close");
  }
}
