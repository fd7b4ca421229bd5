/** Response-code details of HTTP/1 errors, spelled as in Envoy's Http1ResponseCodeDetails. */

export const DETAILS = {
  codecError: "http1.codec_error",
  headersTooLarge: "http1.headers_too_large",
  tooManyHeaders: "http1.too_many_headers",
  connectionHeaderRejected: "http1.connection_header_rejected",
  invalidUrl: "http1.invalid_url",
  invalidScheme: "http1.invalid_scheme",
  invalidTransferEncoding: "http1.invalid_transfer_encoding",
  transferEncodingNotAllowed: "http1.transfer_encoding_not_allowed",
  contentLengthNotAllowed: "http1.content_length_not_allowed",
  chunkedContentLength: "http1.content_length_and_chunked_not_allowed",
  bodyDisallowed: "http1.body_disallowed",
  invalidUnderscore: "http1.unexpected_underscore",
  invalidAuthority: "http.invalid_authority",
  lowVersion: "low_version",
  pipelineFlood: "http1.pipelined_bytes_flood",
  tooManyInterim: "http1.too_many_interim_responses",
  prematureResponse: "http1.premature_response",
  downstreamClosed: "downstream_remote_disconnect",
  upstreamClosed: "upstream_remote_disconnect",
} as const;

/** What is wrong with a message: the status a server answers with, and the detail. */
export interface Fault {
  readonly status: number;
  readonly details: string;
}

export const BAD_MESSAGE: Fault = { status: 400, details: DETAILS.codecError };
export const HEADERS_TOO_LARGE: Fault = { status: 431, details: DETAILS.headersTooLarge };
export const TOO_MANY_HEADERS: Fault = { status: 431, details: DETAILS.tooManyHeaders };
export const INVALID_URL: Fault = { status: 400, details: DETAILS.invalidUrl };
export const INVALID_SCHEME: Fault = { status: 400, details: DETAILS.invalidScheme };
export const INVALID_AUTHORITY: Fault = { status: 400, details: DETAILS.invalidAuthority };
export const LOW_VERSION: Fault = { status: 426, details: DETAILS.lowVersion };
export const UNDERSCORE: Fault = { status: 400, details: DETAILS.invalidUnderscore };
export const CONNECTION_REJECTED: Fault = {
  status: 400,
  details: DETAILS.connectionHeaderRejected,
};
export const BODY_DISALLOWED: Fault = { status: 400, details: DETAILS.bodyDisallowed };
export const INVALID_TRANSFER_ENCODING: Fault = {
  status: 501,
  details: DETAILS.invalidTransferEncoding,
};
export const TRANSFER_ENCODING_NOT_ALLOWED: Fault = {
  status: 400,
  details: DETAILS.transferEncodingNotAllowed,
};
export const CONTENT_LENGTH_NOT_ALLOWED: Fault = {
  status: 400,
  details: DETAILS.contentLengthNotAllowed,
};
export const CHUNKED_CONTENT_LENGTH: Fault = {
  status: 400,
  details: DETAILS.chunkedContentLength,
};
export const TOO_MANY_INTERIM: Fault = { status: 502, details: DETAILS.tooManyInterim };
export const PREMATURE_RESPONSE: Fault = { status: 502, details: DETAILS.prematureResponse };
