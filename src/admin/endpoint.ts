/** One admin path: what it is called, what it needs, what it answers. */

import type { AdminHost } from "./host.ts";

/** One request to an endpoint, its query and form parsed. */
export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  /** Binary string; form values of a POST are in `query` too. */
  readonly body: string;
}

/** What an endpoint answers. */
export interface AdminResponse {
  readonly status: number;
  readonly contentType: string;
  /** Text, sent as UTF-8. */
  readonly body: string;
  /** Envoy's quirk on a few refusals: `nosniff` twice, content type `text/plain` without charset. */
  readonly plain?: boolean;
}

/** One row of the endpoint table, with its line of /help. */
export interface AdminEndpoint {
  readonly path: string;
  /** Words of /help after the path. */
  readonly help: string;
  /** Changes something: POST only. */
  readonly mutates: boolean;
  /** Parameters of /help, `name: description` a line. */
  readonly params?: readonly string[];
  handle(request: AdminRequest, host: AdminHost): AdminResponse | Promise<AdminResponse>;
}

export const TEXT = "text/plain; charset=UTF-8";
export const JSON_TYPE = "application/json";

/** 200 with text. */
export function ok(body: string, contentType: string = TEXT): AdminResponse {
  return { status: 200, contentType, body };
}
