/** What formats in a check's headers may ask for: the host, the cluster and the protocol. */

import { type FormatContext, streamFormatContext } from "../../formatter/mod.ts";
import {
  type ConnectionInfo,
  type HeaderMap,
  newUpstreamInfo,
  type Protocol,
  StreamInfo,
} from "../../http/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import type { ProbeHost } from "./probe.ts";

/** The values of a check's request. */
export function checkFormatContext(
  headers: HeaderMap,
  host: ProbeHost,
  facts: {
    readonly cluster: string;
    readonly context: CompileContext;
    readonly protocol: Protocol;
  },
): FormatContext {
  const { clock } = facts.context.dispatcher;
  const { address, hostname } = host.target;
  const info = new StreamInfo(noDownstream(host), clock.nowMs(), clock.wallMs());
  info.protocol = facts.protocol;
  info.isHealthCheck = true;
  info.upstreamCluster = facts.cluster;
  info.upstream = newUpstreamInfo(facts.cluster);
  info.upstream.address = address;
  info.upstream.hostname = hostname;
  return streamFormatContext(info, headers);
}

/** A check has no downstream: the checked host stands for it. */
function noDownstream(host: ProbeHost): ConnectionInfo {
  const { address } = host.target;
  return {
    id: 0,
    directRemoteAddress: address,
    remoteAddress: address,
    localAddress: address,
    directLocalAddress: address,
    requestedServerName: "",
    applicationProtocols: [],
    tls: undefined,
    filterChainName: "",
    listenerName: "",
    ja3Hash: "",
    ja4Hash: "",
    terminationDetails: "",
    transportFailureReason: "",
    startWallMs: 0,
    startMs: 0,
  };
}
