/** Response-code details and messages of Envoy's HTTP/2 codec, as they reach access logs. */

export const DETAILS = {
  invalidField: "http2.invalid.header.field",
  messagingRule: "http2.violation.of.messaging.rule",
  tooManyHeaders: "http2.too_many_headers",
  underscore: "http2.unexpected_underscore",
  remoteReset: "http2.remote_reset",
  remoteRefuse: "http2.remote_refuse",
  emptyFrames: "http2.inbound_empty_frames_flood",
  outboundFlood: "http2.outbound_frames_flood",
} as const;

/** Messages of connection errors; `%RESPONSE_CODE_DETAILS%` shows them after `codec_error:`. */
export const MESSAGES = {
  badPreface: "Received bad client magic byte string",
  /** nghttp2's words for a frame that Envoy's callbacks refuse. */
  refusedFrame: "The user callback function failed",
  prematureResets: "too_many_premature_resets",
  settingsTimeout: "settings_timeout",
  outboundFrames: "Too many frames in the outbound queue.",
  outboundControlFrames: "Too many control frames in the outbound queue.",
} as const;
