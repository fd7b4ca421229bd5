/** All operators of Envoy 1.40 in name order; one that is not here is refused as Envoy refuses it. */

import type { ValueProvider } from "../context.ts";
import type { OperatorCall } from "../text.ts";
import * as address from "./address.ts";
import * as bytes from "./bytes.ts";
import { compileCoalesce } from "./coalesce.ts";
import * as duration from "./duration.ts";
import * as header from "./header.ts";
import { partial } from "./lacking.ts";
import * as metadata from "./metadata.ts";
import { bare, lacking, type Operator, refuse } from "./operator.ts";
import * as stream from "./stream.ts";
import * as time from "./time.ts";
import * as tls from "./tls.ts";
import { compileXfccValue } from "./xfcc.ts";

// deno-fmt-ignore
export const OPERATORS = [
  { name: "ACCESS_LOG_TYPE", ...bare(stream.accessLogType) },
  { name: "BYTES_RECEIVED", ...bare(bytes.bytesReceived) },
  { name: "BYTES_RETRANSMITTED", ...partial("prints 0", () => 0) },
  { name: "BYTES_SENT", ...bare(bytes.bytesSent) },
  { name: "CEL", syntax: "argument_optional_with_length", compile: compileCel },
  { name: "CLUSTER_METADATA", syntax: "argument_required", compile: metadata.compileMetadata(metadata.ofCluster) },
  { name: "COALESCE", syntax: "argument_required_with_length", compile: (call) => compileCoalesce(call, compileOperator) },
  { name: "COMMON_DURATION", syntax: "argument_required", compile: duration.compileCommonDuration },
  { name: "CONNECTION_ID", ...bare(stream.connectionId) },
  { name: "CONNECTION_TERMINATION_DETAILS", ...bare(stream.connectionTermination) },
  { name: "CUSTOM_FLAGS", ...bare(() => "") },
  { name: "DOWNSTREAM_CX_RTT", ...partial("prints 0", () => 0) },
  { name: "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", ...bare(bytes.requestHeaders) },
  { name: "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", ...bare(bytes.responseHeaders) },
  { name: "DOWNSTREAM_DETECTED_CLOSE_TYPE", ...partial("prints -") },
  { name: "DOWNSTREAM_DIRECT_LOCAL_ADDRESS", ...address.whole(address.downstreamDirectLocal) },
  { name: "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID", ...address.endpointId(address.downstreamDirectLocal) },
  { name: "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT", ...address.withoutPort(address.downstreamDirectLocal) },
  { name: "DOWNSTREAM_DIRECT_LOCAL_PORT", ...address.port(address.downstreamDirectLocal) },
  { name: "DOWNSTREAM_DIRECT_REMOTE_ADDRESS", ...address.whole(address.downstreamDirectRemote) },
  { name: "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", ...address.withoutPort(address.downstreamDirectRemote) },
  { name: "DOWNSTREAM_DIRECT_REMOTE_PORT", ...address.port(address.downstreamDirectRemote) },
  { name: "DOWNSTREAM_HANDSHAKE_DURATION", ...partial("prints -") },
  { name: "DOWNSTREAM_HEADER_BYTES_RECEIVED", ...bare(bytes.downstreamHeaderReceived) },
  { name: "DOWNSTREAM_HEADER_BYTES_SENT", ...bare(bytes.downstreamHeaderSent) },
  { name: "DOWNSTREAM_LOCAL_ADDRESS", ...address.whole(address.downstreamLocal) },
  { name: "DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID", ...address.endpointId(address.downstreamLocal) },
  { name: "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", ...address.withoutPort(address.downstreamLocal) },
  { name: "DOWNSTREAM_LOCAL_CLOSE_REASON", ...partial("prints -") },
  { name: "DOWNSTREAM_LOCAL_DNS_SAN", ...bare(tls.sans(tls.downstreamOwn, "dnsSans")) },
  { name: "DOWNSTREAM_LOCAL_EMAIL_SAN", ...bare(tls.sans(tls.downstreamOwn, "emailSans")) },
  { name: "DOWNSTREAM_LOCAL_IP_SAN", ...bare(tls.sans(tls.downstreamOwn, "ipSans")) },
  { name: "DOWNSTREAM_LOCAL_OTHERNAME_SAN", ...partial("prints -") },
  { name: "DOWNSTREAM_LOCAL_PORT", ...address.port(address.downstreamLocal) },
  { name: "DOWNSTREAM_LOCAL_SUBJECT", ...bare(tls.text(tls.downstreamOwn, "subject")) },
  { name: "DOWNSTREAM_LOCAL_URI_SAN", ...bare(tls.sans(tls.downstreamOwn, "uriSans")) },
  { name: "DOWNSTREAM_PEER_CERT", ...bare(tls.pem(tls.downstreamPeer)) },
  { name: "DOWNSTREAM_PEER_CERT_V_END", ...time.certificateTime(tls.downstreamPeer, "notAfterMs") },
  { name: "DOWNSTREAM_PEER_CERT_V_START", ...time.certificateTime(tls.downstreamPeer, "notBeforeMs") },
  { name: "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1", ...bare(tls.chain(tls.sha1)) },
  { name: "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256", ...bare(tls.chain(tls.sha256)) },
  { name: "DOWNSTREAM_PEER_CHAIN_SERIALS", ...bare(tls.chain(tls.serial)) },
  { name: "DOWNSTREAM_PEER_DNS_SAN", ...bare(tls.sans(tls.downstreamPeer, "dnsSans")) },
  { name: "DOWNSTREAM_PEER_EMAIL_SAN", ...bare(tls.sans(tls.downstreamPeer, "emailSans")) },
  { name: "DOWNSTREAM_PEER_FINGERPRINT_1", ...bare(tls.text(tls.downstreamPeer, "sha1Hex")) },
  { name: "DOWNSTREAM_PEER_FINGERPRINT_256", ...bare(tls.text(tls.downstreamPeer, "sha256Hex")) },
  { name: "DOWNSTREAM_PEER_IP_SAN", ...bare(tls.sans(tls.downstreamPeer, "ipSans")) },
  { name: "DOWNSTREAM_PEER_ISSUER", ...bare(tls.text(tls.downstreamPeer, "issuer")) },
  { name: "DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256", ...bare(tls.issuer(tls.sha256)) },
  { name: "DOWNSTREAM_PEER_ISSUER_SERIAL", ...bare(tls.issuer(tls.serial)) },
  { name: "DOWNSTREAM_PEER_OTHERNAME_SAN", ...partial("prints -") },
  { name: "DOWNSTREAM_PEER_SERIAL", ...bare(tls.text(tls.downstreamPeer, "serial")) },
  { name: "DOWNSTREAM_PEER_SUBJECT", ...bare(tls.text(tls.downstreamPeer, "subject")) },
  { name: "DOWNSTREAM_PEER_URI_SAN", ...bare(tls.sans(tls.downstreamPeer, "uriSans")) },
  { name: "DOWNSTREAM_REMOTE_ADDRESS", ...address.whole(address.downstreamRemote) },
  { name: "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", ...address.withoutPort(address.downstreamRemote) },
  { name: "DOWNSTREAM_REMOTE_PORT", ...address.port(address.downstreamRemote) },
  { name: "DOWNSTREAM_TLS_CIPHER", ...bare(tls.fact(tls.downstream, "cipher")) },
  { name: "DOWNSTREAM_TLS_GROUP", ...partial("prints -") },
  { name: "DOWNSTREAM_TLS_SESSION_ID", ...bare(tls.fact(tls.downstream, "sessionId")) },
  { name: "DOWNSTREAM_TLS_VERSION", ...bare(tls.fact(tls.downstream, "version")) },
  { name: "DOWNSTREAM_TRANSPORT_FAILURE_REASON", ...bare(stream.downstreamTransportFailure) },
  { name: "DOWNSTREAM_WIRE_BYTES_RECEIVED", ...bare(bytes.downstreamWireReceived) },
  { name: "DOWNSTREAM_WIRE_BYTES_SENT", ...bare(bytes.downstreamWireSent) },
  { name: "DURATION", syntax: "bare", compile: duration.compileDuration },
  { name: "DYNAMIC_METADATA", syntax: "argument_required_with_length", compile: metadata.compileMetadata(metadata.dynamic) },
  { name: "EMIT_TIME", ...time.emitTime(false) },
  { name: "EMIT_TIME_LOCAL", ...time.emitTime(true) },
  { name: "ENVIRONMENT", syntax: "argument_required_with_length", compile: stream.compileEnvironment },
  { name: "FILTER_CHAIN_NAME", ...bare(stream.filterChainName) },
  { name: "FILTER_STATE", syntax: "argument_optional_with_length", compile: metadata.compileFilterState },
  { name: "GRPC_STATUS", syntax: "argument_optional", compile: stream.compileGrpcStatus },
  { name: "GRPC_STATUS_NUMBER", ...bare(stream.grpcStatusNumber) },
  { name: "HOSTNAME", syntax: "bare", compile: stream.compileHostname },
  { name: "LISTENER_NAME", ...bare(stream.listenerName) },
  { name: "LOCAL_REPLY_BODY", ...bare(stream.localReplyBody) },
  { name: "METADATA", syntax: "argument_optional_with_length", compile: metadata.compileAnyMetadata },
  { name: "PATH", syntax: "argument_optional_with_length", compile: header.compilePath },
  { name: "PROTOCOL", ...bare(stream.protocol) },
  { name: "QUERY_PARAM", syntax: "argument_required_with_length", compile: header.compileQueryParameter },
  { name: "QUERY_PARAMS", syntax: "argument_optional_with_length", compile: header.compileQuery },
  { name: "REQ", syntax: "argument_required_with_length", compile: header.compileHeader(header.ofRequest) },
  { name: "REQUESTED_SERVER_NAME", syntax: "argument_optional", compile: address.compileServerName },
  { name: "REQUEST_DURATION", ...bare(duration.requestDuration) },
  { name: "REQUEST_HEADER", syntax: "argument_required_with_length", compile: header.compileHeader(header.ofRequest) },
  { name: "REQUEST_HEADERS_BYTES", ...bare(bytes.requestHeaders) },
  { name: "REQUEST_TX_DURATION", ...bare(duration.requestTxDuration) },
  { name: "REQ_WITHOUT_QUERY", syntax: "argument_optional_with_length", compile: header.compileWithoutQuery },
  { name: "RESP", syntax: "argument_required_with_length", compile: header.compileHeader(header.ofResponse) },
  { name: "RESPONSE_CODE", ...bare(stream.responseCode) },
  { name: "RESPONSE_CODE_DETAILS", syntax: "argument_optional", compile: stream.compileCodeDetails },
  { name: "RESPONSE_DURATION", ...bare(duration.responseDuration) },
  { name: "RESPONSE_FLAGS", ...bare(stream.flagsShort) },
  { name: "RESPONSE_FLAGS_LONG", ...bare(stream.flagsLong) },
  { name: "RESPONSE_HEADER", syntax: "argument_required_with_length", compile: header.compileHeader(header.ofResponse) },
  { name: "RESPONSE_HEADERS_BYTES", ...bare(bytes.responseHeaders) },
  { name: "RESPONSE_TRAILER", syntax: "argument_required_with_length", compile: header.compileHeader(header.ofTrailers) },
  { name: "RESPONSE_TRAILERS_BYTES", ...bare(bytes.responseTrailers) },
  { name: "RESPONSE_TX_DURATION", ...bare(duration.responseTxDuration) },
  { name: "ROUTE_NAME", ...bare(stream.routeName) },
  { name: "ROUTE_RESOLUTION_COUNT", ...partial("prints -") },
  { name: "ROUTE_RESOLUTION_TIME_US", ...partial("prints -") },
  { name: "SPAN_ID", ...partial("prints -") },
  { name: "START_TIME", ...time.startTime(false) },
  { name: "START_TIME_LOCAL", ...time.startTime(true) },
  { name: "STREAM_ID", ...bare(stream.streamId) },
  { name: "TLS_JA3_FINGERPRINT", ...bare(stream.ja3) },
  { name: "TLS_JA4_FINGERPRINT", ...bare(stream.ja4) },
  { name: "TRACE_ID", ...partial("prints -") },
  { name: "TRAILER", syntax: "argument_required_with_length", compile: header.compileHeader(header.ofTrailers) },
  { name: "UNIQUE_ID", syntax: "bare", compile: stream.compileUniqueId },
  { name: "UPSTREAM_CLUSTER", ...bare(stream.upstreamCluster) },
  { name: "UPSTREAM_CLUSTER_RAW", ...bare(stream.upstreamCluster) },
  { name: "UPSTREAM_CONNECTION_ID", ...bare(stream.upstreamConnectionId) },
  { name: "UPSTREAM_CONNECTION_IDS_ATTEMPTED", ...partial("prints the last attempt only", ({ info }) => info.upstream?.connectionId || undefined) },
  { name: "UPSTREAM_CONNECTION_POOL_READY_DURATION", ...bare(duration.poolReadyDuration) },
  { name: "UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", ...bare(bytes.upstreamHeaderReceived) },
  { name: "UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", ...bare(bytes.upstreamHeaderSent) },
  { name: "UPSTREAM_DETECTED_CLOSE_TYPE", ...partial("prints -") },
  { name: "UPSTREAM_FILTER_STATE", syntax: "argument_optional_with_length", compile: metadata.compileUpstreamFilterState },
  { name: "UPSTREAM_HEADER_BYTES_RECEIVED", ...bare(bytes.upstreamHeaderReceived) },
  { name: "UPSTREAM_HEADER_BYTES_SENT", ...bare(bytes.upstreamHeaderSent) },
  { name: "UPSTREAM_HOST", ...address.whole(address.upstreamRemote) },
  { name: "UPSTREAM_HOSTS_ATTEMPTED", syntax: "bare", compile: (call) => lastAttempt(call, address.whole(address.upstreamRemote)) },
  { name: "UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT", syntax: "bare", compile: (call) => lastAttempt(call, address.withoutPort(address.upstreamRemote)) },
  { name: "UPSTREAM_HOST_NAME", ...bare(address.upstreamHostName) },
  { name: "UPSTREAM_HOST_NAMES_ATTEMPTED", ...partial("prints the last attempt only", address.upstreamHostName) },
  { name: "UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT", ...partial("prints the last attempt only", address.upstreamHostNameWithoutPort) },
  { name: "UPSTREAM_HOST_NAME_WITHOUT_PORT", ...bare(address.upstreamHostNameWithoutPort) },
  { name: "UPSTREAM_LOCAL_ADDRESS", ...address.whole(address.upstreamLocal) },
  { name: "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", ...address.withoutPort(address.upstreamLocal) },
  { name: "UPSTREAM_LOCAL_CLOSE_REASON", ...partial("prints -") },
  { name: "UPSTREAM_LOCAL_DNS_SAN", ...bare(tls.sans(tls.upstreamOwn, "dnsSans")) },
  { name: "UPSTREAM_LOCAL_IP_SAN", ...bare(tls.sans(tls.upstreamOwn, "ipSans")) },
  { name: "UPSTREAM_LOCAL_PORT", ...address.port(address.upstreamLocal) },
  { name: "UPSTREAM_LOCAL_URI_SAN", ...bare(tls.sans(tls.upstreamOwn, "uriSans")) },
  { name: "UPSTREAM_METADATA", syntax: "argument_required", compile: metadata.compileMetadata(metadata.ofUpstreamHost) },
  { name: "UPSTREAM_PEER_CERT", ...bare(tls.pem(tls.upstreamPeer)) },
  { name: "UPSTREAM_PEER_CERT_V_END", ...time.certificateTime(tls.upstreamPeer, "notAfterMs") },
  { name: "UPSTREAM_PEER_CERT_V_START", ...time.certificateTime(tls.upstreamPeer, "notBeforeMs") },
  { name: "UPSTREAM_PEER_DNS_SAN", ...bare(tls.sans(tls.upstreamPeer, "dnsSans")) },
  { name: "UPSTREAM_PEER_IP_SAN", ...bare(tls.sans(tls.upstreamPeer, "ipSans")) },
  { name: "UPSTREAM_PEER_ISSUER", ...bare(tls.text(tls.upstreamPeer, "issuer")) },
  { name: "UPSTREAM_PEER_SUBJECT", ...bare(tls.text(tls.upstreamPeer, "subject")) },
  { name: "UPSTREAM_PEER_URI_SAN", ...bare(tls.sans(tls.upstreamPeer, "uriSans")) },
  { name: "UPSTREAM_PROTOCOL", ...bare(stream.upstreamProtocol) },
  { name: "UPSTREAM_REMOTE_ADDRESS", ...address.whole(address.upstreamRemote) },
  { name: "UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID", ...address.endpointId(address.upstreamRemote) },
  { name: "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", ...address.withoutPort(address.upstreamRemote) },
  { name: "UPSTREAM_REMOTE_PORT", ...address.port(address.upstreamRemote) },
  { name: "UPSTREAM_REQUEST_ATTEMPT_COUNT", ...bare(stream.upstreamAttempts) },
  { name: "UPSTREAM_SERVER_NAME", ...bare(tls.fact(tls.upstream, "sni")) },
  { name: "UPSTREAM_TLS_CIPHER", ...bare(tls.fact(tls.upstream, "cipher")) },
  { name: "UPSTREAM_TLS_GROUP", ...partial("prints -") },
  { name: "UPSTREAM_TLS_SESSION_ID", ...bare(tls.fact(tls.upstream, "sessionId")) },
  { name: "UPSTREAM_TLS_VERSION", ...bare(tls.fact(tls.upstream, "version")) },
  { name: "UPSTREAM_TRANSPORT_FAILURE_REASON", ...bare(stream.upstreamTransportFailure) },
  { name: "UPSTREAM_WIRE_BYTES_RECEIVED", ...bare(bytes.upstreamWireReceived) },
  { name: "UPSTREAM_WIRE_BYTES_SENT", ...bare(bytes.upstreamWireSent) },
  { name: "VIRTUAL_CLUSTER_NAME", ...bare(stream.virtualCluster) },
  { name: "XFCC_VALUE", syntax: "argument_optional_with_length", compile: compileXfccValue },
] as const satisfies readonly Operator[];

/** A map, since names come from a file. */
const BY_NAME: ReadonlyMap<string, Operator> = new Map(OPERATORS.map((row) => [row.name, row]));

/** Looks an operator up and compiles it; undefined after a problem. */
export function compileOperator(call: OperatorCall): ValueProvider | undefined {
  const operator = BY_NAME.get(call.name);
  if (operator === undefined) {
    return refuse(call, `Not supported field in StreamInfo: ${call.name}`);
  }
  const why = syntaxProblem(call, operator);
  return why === undefined ? operator.compile(call) : refuse(call, why);
}

function syntaxProblem(call: OperatorCall, operator: Operator): string | undefined {
  const hasLength = call.maxLength !== undefined;
  switch (operator.syntax) {
    case "bare":
      if (call.argument === "" && !hasLength) return undefined;
      return `${call.name} does not take any parameters or length`;
    case "argument_required":
    case "argument_required_with_length":
      if (call.argument === "") return `${call.name} requires parameters`;
  }
  if (!hasLength || operator.syntax.endsWith("_with_length")) return undefined;
  return `${call.name} does not allow length to be specified.`;
}

/** CEL is checked by Envoy at load; here it is only said that it has no value. */
function compileCel(call: OperatorCall): ValueProvider {
  lacking(call, "%CEL(…)% prints -");
  return () => undefined;
}

function lastAttempt(
  call: OperatorCall,
  row: Pick<Operator, "compile">,
): ValueProvider | undefined {
  lacking(call, `%${call.name}% prints the last attempt only`);
  return row.compile(call);
}
