/** What a response head must keep to, and where its body ends (RFC 9112 §6.3; HOSTILE T77). */

import { H, type HeaderMap } from "../../http/mod.ts";
import type { BodyFraming } from "./body_reader.ts";
import { connectionOptions, keepsAlive, proxyCloses } from "./connection_options.ts";
import {
  BAD_MESSAGE,
  CHUNKED_CONTENT_LENGTH,
  CONTENT_LENGTH_NOT_ALLOWED,
  type Fault,
  INVALID_TRANSFER_ENCODING,
  TRANSFER_ENCODING_NOT_ALLOWED,
} from "./details.ts";
import { BAD_LENGTH, type MessageFacts, NO_LENGTH } from "./message_fields.ts";
import type { WrittenRequest } from "./request_head.ts";
import type { StatusLine } from "./status_line.ts";

/** What follows a response head. */
export interface ResponsePlan {
  body: "none" | "raw" | BodyFraming;
  keepAlive: boolean;
}

/** Judges a response and fills `plan`; takes out of `headers` what does not belong there. */
export function judgeResponse(
  line: StatusLine,
  headers: HeaderMap,
  facts: MessageFacts,
  request: WrittenRequest,
  plan: ResponsePlan,
): Fault | undefined {
  const status = line.status;
  if (facts.contentLength === BAD_LENGTH || facts.hasBadFold) return BAD_MESSAGE;
  const options = facts.connection === undefined ? 0 : connectionOptions(facts.connection);
  plan.keepAlive = keepsAlive(options, line.isHttp10) && !proxyCloses(headers);
  const isConnected = request.isConnect && status >= 200 && status < 300;
  if (isConnected || (status === 101 && request.isUpgrade)) {
    // RFC 9110 §9.3.6: these fields mean nothing in front of a tunnel.
    headers.removeId(H.contentLength);
    headers.removeId(H.transferEncoding);
    plan.body = "raw";
    plan.keepAlive = false;
    return undefined;
  }
  if (status < 200 || status === 204) return judgeBare(status, headers, facts, plan);
  if (facts.transferEncoding !== "none") {
    const fault = judgeCodings(line, facts);
    if (fault !== undefined) return fault;
  }
  if (request.isHead || status === 304) plan.body = "none";
  else if (facts.transferEncoding === "chunked") plan.body = "chunked";
  else if (facts.contentLength === 0) plan.body = "none";
  else if (facts.contentLength > 0) plan.body = "length";
  else {
    plan.body = "until_close";
    plan.keepAlive = false;
  }
  return undefined;
}

/** RFC 9110 §8.6, RFC 9112 §6.1: 1xx and 204 have no body and must not say that they had. */
function judgeBare(
  status: number,
  headers: HeaderMap,
  facts: MessageFacts,
  plan: ResponsePlan,
): Fault | undefined {
  if (facts.transferEncoding !== "none") return TRANSFER_ENCODING_NOT_ALLOWED;
  if (facts.contentLength > 0) return CONTENT_LENGTH_NOT_ALLOWED;
  if (facts.contentLength !== NO_LENGTH) headers.removeId(H.contentLength);
  plan.body = "none";
  // The upstream speaks another protocol behind a 101 that nobody asked for.
  if (status === 101) plan.keepAlive = false;
  return undefined;
}

function judgeCodings(line: StatusLine, facts: MessageFacts): Fault | undefined {
  if (facts.transferEncoding === "other") return INVALID_TRANSFER_ENCODING;
  if (line.isHttp10) return TRANSFER_ENCODING_NOT_ALLOWED;
  // Response splitting: no upstream that is in its senses sends both.
  return facts.contentLength !== NO_LENGTH ? CHUNKED_CONTENT_LENGTH : undefined;
}
