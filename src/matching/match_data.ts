/** What a generic matcher may look at. */

import type { ConnectionInfo, HeaderMap, StreamInfo } from "../http/mod.ts";

/** Members are absent where the place that matches does not have them (yet). */
export interface MatchData {
  readonly requestHeaders?: HeaderMap | undefined;
  readonly requestTrailers?: HeaderMap | undefined;
  readonly responseHeaders?: HeaderMap | undefined;
  readonly responseTrailers?: HeaderMap | undefined;
  readonly connection?: ConnectionInfo | undefined;
  readonly info?: StreamInfo | undefined;
}

/** Takes one text out of the data; undefined if it is not there. */
export type MatchInput = (data: MatchData) => string | undefined;
