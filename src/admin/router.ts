/** From an admin request to its endpoint: path, method, query, and the refusals that all share. */

import { type AdminEndpoint, type AdminRequest, type AdminResponse, TEXT } from "./endpoint.ts";
import { commandList } from "./endpoints/help.ts";
import type { AdminHost } from "./host.ts";

/** Answers requests from a table of endpoints; unknown paths get 404, a wrong method 405. */
export class AdminRouter {
  readonly #endpoints: readonly AdminEndpoint[];
  readonly #byPath: ReadonlyMap<string, AdminEndpoint>;
  readonly #host: AdminHost;

  constructor(endpoints: readonly AdminEndpoint[], host: AdminHost) {
    this.#endpoints = endpoints;
    this.#byPath = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]));
    this.#host = host;
  }

  /** @param target path with query; @param form body of a form POST, "" if none */
  handle(method: string, target: string, form: string): AdminResponse | Promise<AdminResponse> {
    const mark = target.indexOf("?");
    const path = mark < 0 ? target : target.slice(0, mark);
    const endpoint = this.#byPath.get(path);
    if (endpoint === undefined) {
      return {
        status: 404,
        contentType: TEXT,
        body: `invalid path. admin commands are:\n${commandList(this.#endpoints)}`,
      };
    }
    if (endpoint.mutates && method !== "POST") {
      return {
        status: 405,
        contentType: TEXT,
        body: `Method ${method} not allowed, POST required.`,
      };
    }
    const query = parseQuery(mark < 0 ? "" : target.slice(mark + 1));
    if (form !== "") { for (const [key, value] of parseQuery(form)) query.set(key, value); }
    const request: AdminRequest = { method, path, query, body: form };
    return endpoint.handle(request, this.#host);
  }
}

/** `a=1&b` → a: "1", b: "". The first value of a repeated name wins, as in Envoy. */
export function parseQuery(text: string): Map<string, string> {
  const query = new Map<string, string>();
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (!query.has(name)) query.set(name, equals < 0 ? "" : decode(pair.slice(equals + 1)));
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A lone percent sign stands for itself.
  }
}
