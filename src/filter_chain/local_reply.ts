/**
 * Turns a local reply into headers and a body as Envoy's Http::Utility::prepareLocalReply does:
 * gRPC requests get a trailers-only response, HEAD requests the length without the body.
 */

import { grpcStatusOfHttp, H, HeaderMap, STATUS_TEXTS } from "../http/mod.ts";
import type { LocalReply } from "./http.ts";

/** What a rewriter (local_reply_config) may change. */
export interface LocalReplyDraft {
  status: number;
  body: string;
  contentType: string;
}

/** Applies local_reply_config: changes the draft and the headers. */
export type LocalReplyRewrite = (headers: HeaderMap, draft: LocalReplyDraft) => void;

/** What the request was, as far as the reply depends on it. */
export interface LocalReplyRequest {
  readonly isGrpc: boolean;
  readonly isHead: boolean;
}

/** A local reply as it is to be encoded. */
export interface PreparedReply {
  readonly headers: HeaderMap;
  /** Binary string; "" if the headers end the stream. */
  readonly body: string;
}

const TEXT_PLAIN = "text/plain";

/** Builds the response. */
export function prepareLocalReply(
  reply: LocalReply,
  request: LocalReplyRequest,
  rewrite: LocalReplyRewrite | undefined,
): PreparedReply {
  const headers = new HeaderMap();
  headers.addId(H.status, STATUS_TEXTS[reply.status]!);
  reply.modifyHeaders?.(headers);
  const draft: LocalReplyDraft = {
    status: reply.status,
    body: reply.body,
    contentType: reply.contentType ?? TEXT_PLAIN,
  };
  rewrite?.(headers, draft);
  headers.setId(H.status, STATUS_TEXTS[draft.status]!);
  if (request.isGrpc) return grpcReply(reply, draft, { headers, isHead: request.isHead });
  if (draft.body === "") {
    headers.removeId(H.contentLength);
    headers.removeId(H.contentType);
    return { headers, body: "" };
  }
  headers.setId(H.contentLength, String(draft.body.length));
  // A type set by whoever sends the reply stands, unless the rewriter chose another body.
  if (!headers.hasId(H.contentType) || draft.body !== reply.body) {
    headers.setId(H.contentType, draft.contentType);
  }
  return { headers, body: request.isHead ? "" : draft.body };
}

function grpcReply(
  reply: LocalReply,
  draft: LocalReplyDraft,
  { headers, isHead }: { readonly headers: HeaderMap; readonly isHead: boolean },
): PreparedReply {
  headers.setId(H.status, "200");
  headers.setId(H.contentType, "application/grpc");
  if (!headers.hasId(H.grpcStatus)) {
    headers.setId(H.grpcStatus, String(reply.grpcStatus ?? grpcStatusOfHttp(draft.status)));
  }
  if (draft.body !== "" && !isHead) {
    const isJson = draft.contentType === "application/json" && draft.body.length > 1;
    const text = isJson && draft.body.endsWith("\n") ? draft.body.slice(0, -1) : draft.body;
    headers.setId(H.grpcMessage, percentEncode(text));
  }
  headers.removeId(H.contentLength);
  return { headers, body: "" };
}

/** Percent-encodes what grpc-message may not hold: bytes outside 0x20–0x7E, and "%". */
export function percentEncode(text: string): string {
  let encoded = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    encoded += code >= 0x20 && code < 0x7f && code !== 0x25
      ? text[i]
      : "%" + code.toString(16).toUpperCase().padStart(2, "0");
  }
  return encoded;
}
