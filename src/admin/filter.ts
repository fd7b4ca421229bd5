/**
 * Admin as the terminal HTTP filter of a connection manager of its own, as in Envoy: framing,
 * limits, timeouts and `http.admin.*` stats come from there.
 */

import type { FilterCallbacks, HeadersStatus, HttpFilter } from "../filter_chain/mod.ts";
import type { HttpFilterFactory } from "../filter_chain/mod.ts";
import { H, HeaderMap, STATUS_TEXTS } from "../http/mod.ts";
import type { AdminResponse } from "./endpoint.ts";
import type { AdminRouter } from "./router.ts";

/** Message type of the filter's configuration: denvoy's own, never written by users. */
export const ADMIN_FILTER_TYPE = "denvoy.admin.v1.AdminFilter";

/** A form body is small; what goes beyond is refused. */
const MAX_BODY_BYTES = 64 * 1024;
const ENCODER = new TextEncoder();

class AdminFilter implements HttpFilter {
  readonly #router: AdminRouter;
  readonly #callbacks: FilterCallbacks;
  #headers: HeaderMap | undefined;
  #body = "";
  #isGone = false;

  constructor(router: AdminRouter, callbacks: FilterCallbacks) {
    this.#router = router;
    this.#callbacks = callbacks;
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): HeadersStatus {
    this.#headers = headers;
    if (endStream) this.#answer();
    return "stop_iteration";
  }

  decodeData(bytes: Uint8Array, endStream: boolean): "stop_no_buffer" {
    if (this.#body.length + bytes.length <= MAX_BODY_BYTES) {
      for (const byte of bytes) this.#body += String.fromCharCode(byte);
    }
    if (endStream) this.#answer();
    return "stop_no_buffer";
  }

  decodeTrailers(): "stop_iteration" {
    this.#answer();
    return "stop_iteration";
  }

  onDestroy(): void {
    this.#isGone = true;
  }

  #answer(): void {
    const headers = this.#headers!;
    const type = headers.getId(H.contentType) ?? "";
    const form = type.startsWith("application/x-www-form-urlencoded") ? this.#body : "";
    const target = headers.getId(H.path) ?? "/";
    const answer = this.#router.handle(headers.getId(H.method) ?? "GET", target, form);
    if (answer instanceof Promise) {
      answer.then(
        (response) => this.#callbacks.dispatcher.run(() => this.#send(response)),
        (error) => this.#callbacks.dispatcher.run(() => this.#fail(error)),
      );
    } else this.#send(answer);
  }

  #send(response: AdminResponse): void {
    if (this.#isGone) return;
    const headers = new HeaderMap();
    headers.addId(H.status, STATUS_TEXTS[response.status]!);
    if (response.plain === true) headers.add("x-content-type-options", "nosniff");
    headers.addId(H.contentType, response.contentType);
    headers.addId(H.cacheControl, "no-cache, max-age=0");
    headers.add("x-content-type-options", "nosniff");
    this.#callbacks.encodeHeaders(headers, false);
    this.#callbacks.encodeData(ENCODER.encode(response.body), true);
  }

  #fail(error: unknown): void {
    this.#callbacks.dispatcher.report(error);
    this.#send({
      status: 500,
      contentType: "text/plain; charset=UTF-8",
      body: "internal error\n",
    });
  }
}

/** The filter over one router. */
export function adminFilterFactory(router: AdminRouter): HttpFilterFactory<AdminRouter> {
  return {
    name: "denvoy.filters.http.admin",
    type: ADMIN_FILTER_TYPE,
    isTerminal: true,
    compile: () => router,
    create: (config, callbacks) => new AdminFilter(config, callbacks),
  };
}
