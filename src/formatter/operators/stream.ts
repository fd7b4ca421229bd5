/** What happened to the stream: codes, flags, names and ids. */

import { formatFlags, isGrpcRequest } from "../../http/mod.ts";
import { binaryText } from "../../matching/mod.ts";
import type { ValueProvider } from "../context.ts";
import { GRPC_STATUS_NAMES, grpcStatusOf } from "../grpc_status.ts";
import type { OperatorCall } from "../text.ts";
import { nonEmpty, refuse, truncate } from "./operator.ts";

const nameOrNothing = (name: string | undefined): string | undefined =>
  name === undefined || name === "" ? undefined : binaryText(name);

const accessLogType: ValueProvider = (context) => context.accessLogType;
const connectionId: ValueProvider = ({ info }) => info.connection.id;
const connectionTermination: ValueProvider = ({ info }) =>
  nonEmpty(info.connectionTerminationDetails) ?? nonEmpty(info.connection.terminationDetails);
const downstreamTransportFailure: ValueProvider = ({ info }) =>
  nonEmpty(info.connection.transportFailureReason);
const filterChainName: ValueProvider = ({ info }) => nameOrNothing(info.connection.filterChainName);
const listenerName: ValueProvider = ({ info }) => nameOrNothing(info.connection.listenerName);
const ja3: ValueProvider = ({ info }) => nonEmpty(info.connection.ja3Hash);
const ja4: ValueProvider = ({ info }) => nonEmpty(info.connection.ja4Hash);
const localReplyBody: ValueProvider = (context) => context.localReplyBody;
const protocol: ValueProvider = ({ info }) => info.protocol;
const responseCode: ValueProvider = ({ info }) => info.responseCode;
const flagsShort: ValueProvider = ({ info }) => formatFlags(info, 0);
const flagsLong: ValueProvider = ({ info }) => formatFlags(info, 1);
const routeName: ValueProvider = ({ info }) => nameOrNothing(info.route?.routeName);
const streamId: ValueProvider = ({ info }) => info.requestId;
const virtualCluster: ValueProvider = ({ info }) => nameOrNothing(info.virtualClusterName);

/** %RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%; else whitespace becomes `_`. */
export function compileCodeDetails({ argument }: OperatorCall): ValueProvider {
  const keep = argument === "ALLOW_WHITESPACES";
  return ({ info }) => {
    const details = nonEmpty(info.responseCodeDetails);
    return keep || details === undefined ? details : details.replaceAll(/[ \t\r\n\v\f]/g, "_");
  };
}

const upstreamCluster: ValueProvider = ({ info }) =>
  nameOrNothing(info.upstreamCluster ?? info.upstream?.cluster);
const upstreamProtocol: ValueProvider = ({ info }) => info.upstream?.protocol;
const upstreamConnectionId: ValueProvider = ({ info }) => info.upstream?.connectionId ?? 0;
const upstreamAttempts: ValueProvider = ({ info }) => info.attemptCount;
const upstreamTransportFailure: ValueProvider = ({ info }) =>
  nonEmpty(info.upstream?.transportFailureReason)?.replaceAll(" ", "_");

const GRPC_FORMS: readonly string[] = ["", "CAMEL_STRING", "SNAKE_STRING", "NUMBER"];

/** %GRPC_STATUS(CAMEL_STRING|SNAKE_STRING|NUMBER)%, of gRPC requests only. */
export function compileGrpcStatus(call: OperatorCall): ValueProvider | undefined {
  const form = call.argument;
  if (!GRPC_FORMS.includes(form)) {
    const allowed = "CAMEL_STRING, SNAKE_STRING or NUMBER";
    return refuse(call, `GrpcStatusFormatter only supports ${allowed}. Got: ${form}`);
  }
  if (form === "NUMBER") return grpcStatusNumber;
  const column = form === "SNAKE_STRING" ? 1 : 0;
  return (context) => {
    const status = grpcStatusNumber(context);
    if (typeof status !== "number") return undefined;
    return GRPC_STATUS_NAMES[status]?.[column] ?? String(status);
  };
}

const grpcStatusNumber: ValueProvider = (context) =>
  isGrpcRequest(context.requestHeaders) ? grpcStatusOf(context) : undefined;

/** %ENVIRONMENT(NAME):length%, read once at load. */
export function compileEnvironment({ argument, maxLength, context }: OperatorCall): ValueProvider {
  const value = context.server.environment(argument);
  const text = value === undefined ? undefined : truncate(binaryText(value), maxLength);
  return () => text;
}

/** %HOSTNAME%: the name of this machine, the same for every stream. */
export function compileHostname({ context }: OperatorCall): ValueProvider {
  const name = nonEmpty(binaryText(context.server.hostname));
  return () => name;
}

/** A fresh UUID each time. */
export function compileUniqueId({ context }: OperatorCall): ValueProvider {
  const { random } = context.dispatcher;
  return () => random.uuid();
}

export {
  accessLogType,
  connectionId,
  connectionTermination,
  downstreamTransportFailure,
  filterChainName,
  flagsLong,
  flagsShort,
  grpcStatusNumber,
  ja3,
  ja4,
  listenerName,
  localReplyBody,
  protocol,
  responseCode,
  routeName,
  streamId,
  upstreamAttempts,
  upstreamCluster,
  upstreamConnectionId,
  upstreamProtocol,
  upstreamTransportFailure,
  virtualCluster,
};
