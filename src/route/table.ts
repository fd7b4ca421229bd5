/** The compiled route table: a pure look-up. */

import type { HeaderMap, StreamInfo } from "../http/mod.ts";
import type { Route } from "./route.ts";

/** A compiled RouteConfiguration: a pure look-up, replaced whole. */
export interface RouteTable {
  readonly name: string;
  /**
   * The route of a request. `random` is one 64-bit-like draw (an integer below 2^32) kept for the
   * stream, so that asking again gives the same weighted cluster.
   * @returns undefined if no virtual host or no route matches (404)
   */
  match(headers: HeaderMap, info: StreamInfo, random: number): Route | RouteMiss;
  /** Headers of this table that are internal: removed from external requests. */
  readonly internalOnlyHeaders: readonly string[];
  readonly maxDirectResponseBodyBytes: number;
  readonly usesVirtualHostFromScheme: boolean;
}

/** Why there is no route. `tls_required` asks for a redirect to https (require_tls). */
export type RouteMiss =
  | { readonly miss: "not_found" }
  | { readonly miss: "tls_required"; readonly location: string };
