/** Headers, and what is read out of the path. */

import { H, headerId, type HeaderMap } from "../../http/mod.ts";
import { headerName, percentDecode, queryParameter } from "../../matching/mod.ts";
import type { FormatContext, ValueProvider } from "../context.ts";
import type { OperatorCall } from "../text.ts";
import { refuse, truncate } from "./operator.ts";

type HeadersReader = (context: FormatContext) => HeaderMap | undefined;

const ofRequest: HeadersReader = (context) => context.requestHeaders;
const ofResponse: HeadersReader = (context) => context.responseHeaders;
const ofTrailers: HeadersReader = (context) => context.responseTrailers;

/** A token, with a colon before it for pseudo-headers. */
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]*$/;

interface Name {
  readonly name: string;
  readonly id: number;
}

/** Parses `Name` or `Name?Alternative`; undefined and a problem if Envoy refuses it. */
function parseNames(call: OperatorCall): readonly Name[] | undefined {
  const names = call.argument.split("?");
  if (names.length > 2) {
    const why = `More than 1 alternative header specified in token: ${call.argument}`;
    return refuse(call, why);
  }
  if (!names.every((name) => NAME.test(name))) {
    const why = "Invalid header configuration. Format string contains invalid characters.";
    return refuse(call, why);
  }
  return names.filter((name) => name !== "").map((text) => {
    const name = headerName(text);
    return { name, id: headerId(name) };
  });
}

function firstOf(headers: HeaderMap | undefined, names: readonly Name[]): string | undefined {
  if (headers === undefined) return undefined;
  for (let i = 0; i < names.length; i++) {
    const { id, name } = names[i]!;
    const value = id === 0 ? headers.get(name) : headers.getId(id);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** %REQ(Name?Alternative):length% and its kin: the first value of the first name that is there. */
export function compileHeader(
  read: HeadersReader,
): (call: OperatorCall) => ValueProvider | undefined {
  return (call) => {
    const names = parseNames(call);
    if (names === undefined) return undefined;
    const length = call.maxLength;
    return (context) => {
      const value = firstOf(read(context), names);
      return value === undefined ? undefined : truncate(value, length);
    };
  };
}

/** %REQ_WITHOUT_QUERY(Name?Alternative)%: as %REQ%, up to the question mark. */
export function compileWithoutQuery(call: OperatorCall): ValueProvider | undefined {
  if (call.place.extensions?.has(call.name) !== true) {
    return refuse(call, `Not supported field in StreamInfo: ${call.name}`);
  }
  const names = parseNames(call);
  if (names === undefined) return undefined;
  return ({ requestHeaders }) => {
    const value = firstOf(requestHeaders, names);
    return value === undefined ? undefined : truncate(beforeQuery(value), call.maxLength);
  };
}

function beforeQuery(path: string): string {
  const at = path.indexOf("?");
  return at < 0 ? path : path.slice(0, at);
}

type PathSource = "PATH" | "ORIG" | "ORIG_OR_PATH";

function pathOf(headers: HeaderMap | undefined, source: PathSource): string | undefined {
  if (source === "PATH") return headers?.getId(H.path);
  const original = headers?.getId(H.xEnvoyOriginalPath);
  return original ?? (source === "ORIG" ? undefined : headers?.getId(H.path));
}

/** %PATH(WQ|NQ:ORIG|PATH|ORIG_OR_PATH):length%. */
export function compilePath(call: OperatorCall): ValueProvider | undefined {
  const [query = "", from = ""] = call.argument.split(":");
  if (query !== "" && query !== "WQ" && query !== "NQ") {
    return refuse(call, `Invalid PATH option: '${query}', only 'WQ'/'NQ' are allowed`);
  }
  if (from !== "" && from !== "ORIG" && from !== "PATH" && from !== "ORIG_OR_PATH") {
    const why = `Invalid PATH option: '${from}', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed`;
    return refuse(call, why);
  }
  const source: PathSource = from === "" ? "ORIG_OR_PATH" : from;
  return ({ requestHeaders }) => {
    const path = pathOf(requestHeaders, source);
    if (path === undefined) return undefined;
    return truncate(query === "NQ" ? beforeQuery(path) : path, call.maxLength);
  };
}

/** %QUERY_PARAM(name):length%: the first value, decoded. */
export function compileQueryParameter(call: OperatorCall): ValueProvider {
  const name = call.argument;
  return ({ requestHeaders }) => {
    const path = requestHeaders?.getId(H.path);
    const value = path === undefined ? undefined : queryParameter(path, name);
    return value === undefined ? undefined : truncate(percentDecode(value), call.maxLength);
  };
}

/** %QUERY_PARAMS(ORIG|DECODED):length%: the whole query. */
export function compileQuery(call: OperatorCall): ValueProvider | undefined {
  const option = call.argument;
  if (option !== "" && option !== "ORIG" && option !== "DECODED") {
    const why = `Invalid QUERY_PARAMS option: '${option}', only 'ORIG'/'DECODED' are allowed`;
    return refuse(call, why);
  }
  return ({ requestHeaders }) => {
    const path = pathOf(requestHeaders, "ORIG_OR_PATH");
    const at = path?.indexOf("?") ?? -1;
    return at < 0 ? undefined : truncate(path!.slice(at + 1), call.maxLength);
  };
}

export { ofRequest, ofResponse, ofTrailers };
