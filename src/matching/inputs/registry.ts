/** Inputs of the generic matcher by the type of their message, in name order. */

import type { BaseCompileContext } from "../../base/mod.ts";
import type { MatchInput } from "../match_data.ts";
import {
  environmentInput,
  headerInput,
  queryInput,
  statusClassInput,
  statusInput,
} from "./http.ts";
import {
  applicationProtocol,
  destinationIp,
  destinationPort,
  directSourceIp,
  filterStateInput,
  peerSans,
  peerSubject,
  serverName,
  sourceIp,
  sourcePort,
  sourceType,
  transportProtocol,
} from "./network.ts";

/** One kind of input. */
export interface MatchInputFactory {
  readonly name: string;
  readonly type: string;
  compile(message: object, context: BaseCompileContext): MatchInput;
}

const NETWORK = "envoy.extensions.matching.common_inputs.network.v3.";
const SSL = "envoy.extensions.matching.common_inputs.ssl.v3.";
const HTTP = "envoy.type.matcher.v3.";

// deno-fmt-ignore
export const MATCH_INPUTS = [
  { name: "envoy.matching.common_inputs.environment_variable", type: "envoy.extensions.matching.common_inputs.environment_variable.v3.Config", compile: environmentInput },
  { name: "envoy.matching.inputs.application_protocol", type: `${NETWORK}ApplicationProtocolInput`, compile: applicationProtocol },
  { name: "envoy.matching.inputs.destination_ip", type: `${NETWORK}DestinationIPInput`, compile: destinationIp },
  { name: "envoy.matching.inputs.destination_port", type: `${NETWORK}DestinationPortInput`, compile: destinationPort },
  { name: "envoy.matching.inputs.direct_source_ip", type: `${NETWORK}DirectSourceIPInput`, compile: directSourceIp },
  { name: "envoy.matching.inputs.dns_san", type: `${SSL}DnsSanInput`, compile: peerSans("dnsSans") },
  { name: "envoy.matching.inputs.filter_state", type: `${NETWORK}FilterStateInput`, compile: filterStateInput },
  { name: "envoy.matching.inputs.query_params", type: `${HTTP}HttpRequestQueryParamMatchInput`, compile: queryInput },
  { name: "envoy.matching.inputs.request_headers", type: `${HTTP}HttpRequestHeaderMatchInput`, compile: headerInput("requestHeaders") },
  { name: "envoy.matching.inputs.request_trailers", type: `${HTTP}HttpRequestTrailerMatchInput`, compile: headerInput("requestTrailers") },
  { name: "envoy.matching.inputs.response_headers", type: `${HTTP}HttpResponseHeaderMatchInput`, compile: headerInput("responseHeaders") },
  { name: "envoy.matching.inputs.response_trailers", type: `${HTTP}HttpResponseTrailerMatchInput`, compile: headerInput("responseTrailers") },
  { name: "envoy.matching.inputs.server_name", type: `${NETWORK}ServerNameInput`, compile: serverName },
  { name: "envoy.matching.inputs.source_ip", type: `${NETWORK}SourceIPInput`, compile: sourceIp },
  { name: "envoy.matching.inputs.source_port", type: `${NETWORK}SourcePortInput`, compile: sourcePort },
  { name: "envoy.matching.inputs.source_type", type: `${NETWORK}SourceTypeInput`, compile: sourceType },
  { name: "envoy.matching.inputs.status_code_class_input", type: `${HTTP}HttpResponseStatusCodeClassMatchInput`, compile: statusClassInput },
  { name: "envoy.matching.inputs.status_code_input", type: `${HTTP}HttpResponseStatusCodeMatchInput`, compile: statusInput },
  { name: "envoy.matching.inputs.subject", type: `${SSL}SubjectInput`, compile: peerSubject },
  { name: "envoy.matching.inputs.transport_protocol", type: `${NETWORK}TransportProtocolInput`, compile: transportProtocol },
  { name: "envoy.matching.inputs.uri_san", type: `${SSL}UriSanInput`, compile: peerSans("uriSans") },
] as const satisfies readonly MatchInputFactory[];

/** The factory of an input's message type. */
export function matchInputFactory(type: string | undefined): MatchInputFactory | undefined {
  return MATCH_INPUTS.find((row) => row.type === type);
}
