/** %XFCC_VALUE(key)%: one key of the first element of x-forwarded-client-cert. */

import { H } from "../../http/mod.ts";
import type { ValueProvider } from "../context.ts";
import type { OperatorCall } from "../text.ts";
import { refuse, truncate } from "./operator.ts";

const KEYS: ReadonlySet<string> = new Set([
  "by",
  "cert",
  "chain",
  "dns",
  "hash",
  "subject",
  "uri",
]);

/** The value of one key, unquoted and cut at `maxLength`; a missing or unknown key is an error. */
export function compileXfccValue(call: OperatorCall): ValueProvider | undefined {
  const key = call.argument.toLowerCase();
  if (key === "") return refuse(call, `${call.name} command requires a subcommand`);
  if (!KEYS.has(key)) {
    return refuse(call, `${call.name} command does not support subcommand: ${call.argument}`);
  }
  return ({ requestHeaders }) => {
    const text = requestHeaders?.getId(H.xForwardedClientCert);
    const value = text === undefined ? undefined : findValue(text, key);
    return value === undefined ? undefined : truncate(value, call.maxLength);
  };
}

/** Elements end at commas, pairs at semicolons, both outside of quotes; a backslash escapes within. */
function findValue(text: string, key: string): string | undefined {
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i <= text.length; i++) {
    const char = text[i];
    if (char === '"' && text[i - 1] !== "\\") isQuoted = !isQuoted;
    if (i < text.length && (isQuoted || (char !== ";" && char !== ","))) continue;
    const pair = text.slice(start, i);
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim().toLowerCase() === key) {
      return unquote(pair.slice(equals + 1));
    }
    start = i + 1;
  }
  return undefined;
}

function unquote(value: string): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  return value.slice(1, -1).replaceAll('\\"', '"');
}
