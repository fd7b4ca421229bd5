/** What a whole request head must keep to (RFC 9112 §3.2, §6; HOSTILE T01–T05, T17, T24). */

import { H, type HeaderMap } from "../../http/mod.ts";
import type { Http1Options } from "../options.ts";
import { AUTHORITY, holdsOnly } from "./char_tables.ts";
import {
  connectionOptions,
  keepsAlive,
  keepUpgrades,
  NOMINATES,
  proxyCloses,
  removeNominated,
  removeUpgrade,
  UPGRADE,
} from "./connection_options.ts";
import {
  BAD_MESSAGE,
  BODY_DISALLOWED,
  CHUNKED_CONTENT_LENGTH,
  CONNECTION_REJECTED,
  type Fault,
  INVALID_AUTHORITY,
  INVALID_TRANSFER_ENCODING,
  TRANSFER_ENCODING_NOT_ALLOWED,
  UNDERSCORE,
} from "./details.ts";
import { BAD_LENGTH, type MessageFacts, NO_LENGTH } from "./message_fields.ts";
import type { RequestLine } from "./request_line.ts";

/** What a request means for its connection, once it is known to be sound. */
export interface RequestPlan {
  /** What follows the head: nothing, a body, or bytes that are no HTTP any more. */
  body: "none" | "length" | "chunked" | "raw";
  keepAlive: boolean;
}

/** Judges a request and fills `plan`; takes out of `headers` what must not go on. */
export function judgeRequest(
  line: RequestLine,
  headers: HeaderMap,
  facts: MessageFacts,
  options: Http1Options,
  plan: RequestPlan,
): Fault | undefined {
  // Two Hosts have two readings; so has a list (RFC 9112 §3.2).
  if (facts.hosts > 1) return BAD_MESSAGE;
  if (facts.hosts === 1 && !holdsOnly(AUTHORITY, facts.host)) return INVALID_AUTHORITY;
  if (facts.hasUnderscores && options.headersWithUnderscores === "reject") return UNDERSCORE;
  const isConnect = line.method === "CONNECT";
  const fault = judgeFraming(line, headers, facts, options.allowChunkedLength);
  if (fault !== undefined) return fault;
  if (isConnect && facts.contentLength > 0) return BODY_DISALLOWED;
  plan.body = facts.transferEncoding === "chunked"
    ? "chunked"
    : facts.contentLength > 0
    ? "length"
    : "none";
  if (!judgeConnection(line, headers, facts, options, plan)) return CONNECTION_REJECTED;
  if (isConnect) plan.body = "raw";
  return undefined;
}

function judgeFraming(
  line: RequestLine,
  headers: HeaderMap,
  facts: MessageFacts,
  allowChunkedLength: boolean,
): Fault | undefined {
  if (facts.transferEncoding !== "none") {
    if (facts.transferEncoding === "other" || line.method === "CONNECT") {
      return INVALID_TRANSFER_ENCODING;
    }
    if (line.isHttp10) return TRANSFER_ENCODING_NOT_ALLOWED;
    if (facts.contentLength !== NO_LENGTH) {
      if (!allowChunkedLength || facts.contentLength === BAD_LENGTH) return CHUNKED_CONTENT_LENGTH;
      headers.removeId(H.contentLength);
      facts.contentLength = NO_LENGTH;
    }
  }
  return facts.contentLength === BAD_LENGTH ? BAD_MESSAGE : undefined;
}

function judgeConnection(
  line: RequestLine,
  headers: HeaderMap,
  facts: MessageFacts,
  options: Http1Options,
  plan: RequestPlan,
): boolean {
  const asked = facts.connection === undefined ? 0 : connectionOptions(facts.connection);
  plan.keepAlive = keepsAlive(asked, line.isHttp10) && !proxyCloses(headers);
  if ((asked & NOMINATES) !== 0 && !removeNominated(headers, facts.connection!)) return false;
  if (!facts.hasUpgrade) return true;
  // With a body, before HTTP/1.1, or named in one field only, an upgrade is ignored (RFC 9110 §7.8).
  const isUpgrade = (asked & UPGRADE) !== 0 && plan.body === "none" && !line.isHttp10 &&
    keepUpgrades(headers, options.ignoreUpgrade);
  if (isUpgrade) plan.body = "raw";
  else removeUpgrade(headers);
  return true;
}
