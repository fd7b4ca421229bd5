/** Inputs that read the request and the response. */

import type { BaseCompileContext } from "../../base/mod.ts";
import type { HeaderMap } from "../../http/mod.ts";
import { binaryText } from "../binary_text.ts";
import { headerName } from "../header.ts";
import type { MatchData, MatchInput } from "../match_data.ts";
import { queryParameter } from "../query.ts";

type HeaderSource = "requestHeaders" | "requestTrailers" | "responseHeaders" | "responseTrailers";

/** An input that reads one header, repeated ones joined, of one of the four maps. */
export function headerInput(source: HeaderSource): (message: object) => MatchInput {
  return (message) => {
    const name = headerName((message as { headerName: string }).headerName);
    return (data: MatchData) => (data[source] as HeaderMap | undefined)?.joined(name);
  };
}

/** The first value of a query parameter, decoded (unlike the route's own query matchers). */
export function queryInput(message: object): MatchInput {
  const name = binaryText((message as { queryParam: string }).queryParam);
  return (data) => {
    const path = data.requestHeaders?.get(":path");
    const value = path === undefined ? undefined : queryParameter(path, name);
    return value === undefined ? undefined : percentDecode(value);
  };
}

/** Percent decoding into a binary string; what is no escape stays as it is. */
export function percentDecode(text: string): string {
  let at = text.indexOf("%");
  if (at < 0) return text;
  let result = "";
  let from = 0;
  while (at >= 0) {
    const high = hexDigit(text.charCodeAt(at + 1));
    const low = hexDigit(text.charCodeAt(at + 2));
    if (high >= 0 && low >= 0) {
      result += text.slice(from, at) + String.fromCharCode(high * 16 + low);
      from = at + 3;
      at = text.indexOf("%", from);
    } else {
      at = text.indexOf("%", at + 1);
    }
  }
  return result + text.slice(from);
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** `:status` of the response. */
export function statusInput(): MatchInput {
  return (data) => data.responseHeaders?.get(":status");
}

/** `2xx` and the like; undefined outside 100–599. */
export function statusClassInput(): MatchInput {
  return (data) => {
    const first = data.responseHeaders?.get(":status")?.[0];
    return first !== undefined && first >= "1" && first <= "5" ? `${first}xx` : undefined;
  };
}

/** A variable of the environment, read once at load. */
export function environmentInput(message: object, context: BaseCompileContext): MatchInput {
  const value = context.server.environment((message as { name: string }).name);
  const text = value === undefined ? undefined : binaryText(value);
  return () => text;
}
