/**
 * What the proxy adds to, trusts in and removes from a request's headers before anything else
 * looks at them: Envoy's ConnectionManagerUtility::mutateRequestHeaders, step by step.
 */

import { type Address, type Random, unmapIpv4 } from "../base/mod.ts";
import { type ConnectionInfo, H, type HeaderMap, type StreamInfo } from "../http/mod.ts";
import type { CidrSet } from "../matching/mod.ts";
import { appendForwardedFor, lastForwardedAddress } from "./address_header.ts";
import type { OriginalIpDetector } from "./original_ip.ts";
import { type RequestIdOptions, settleRequestId } from "./request_id.ts";
import { mutateXfcc, type XfccOptions } from "./xfcc.ts";

/** Changes headers before all else; false stops the extensions after it. */
export interface EarlyMutation {
  mutate(headers: HeaderMap, info: StreamInfo): boolean;
}

export interface RequestHeaderOptions {
  readonly earlyMutations: readonly EarlyMutation[];
  readonly usesRemoteAddress: boolean;
  readonly trustedHops: number;
  readonly skipsXffAppend: boolean;
  readonly mapsXffToIpv6: boolean;
  readonly appendsPort: boolean;
  /** The machine's own address: stands in x-forwarded-for for a loopback peer. */
  readonly ownAddress: string | undefined;
  readonly detectors: readonly OriginalIpDetector[];
  readonly internalAddresses: CidrSet;
  readonly unixSocketsAreInternal: boolean;
  readonly schemeToSet: string | undefined;
  readonly forwardProto: ForwardProtoPorts | undefined;
  /** Headers of the route table that only internal requests may have. */
  readonly internalOnlyHeaders: readonly string[];
  /** add_user_agent: the service cluster's name, and the node's. */
  readonly userAgent: { readonly cluster: string; readonly node: string } | undefined;
  readonly via: string;
  readonly requestId: RequestIdOptions;
  readonly xfcc: XfccOptions;
}

/** Destination ports of the PROXY protocol that tell of http or https (forward_proto_config). */
export interface ForwardProtoPorts {
  readonly https: ReadonlySet<number>;
  readonly http: ReadonlySet<number>;
}

/**
 * Changes the headers and sets `info.remoteAddress`.
 * @returns the status of a refusal by original IP detection, 0 if there is none
 */
export function mutateRequestHeaders(
  headers: HeaderMap,
  info: StreamInfo,
  options: RequestHeaderOptions,
  random: Random,
): number {
  const { connection } = info;
  const early = options.earlyMutations;
  for (let i = 0; i < early.length && early[i]!.mutate(headers, info); i++);
  removeHopHeaders(headers);
  const isTls = connection.tls !== undefined;
  const client = options.usesRemoteAddress
    ? fromRemoteAddress(headers, connection, options)
    : fromHeaders(headers, connection, options);
  if (client.rejectStatus !== 0) return client.rejectStatus;
  if (options.usesRemoteAddress) setForwarded(headers, connection, options);
  if (!headers.hasId(H.xForwardedProto)) {
    headers.setId(H.xForwardedProto, forwardedProto(connection, options));
  }
  if (options.appendsPort && !headers.hasId(H.xForwardedPort)) {
    setForwardedPort(headers, connection);
  }
  setScheme(headers, options, isTls);
  const isInternal = client.mayBeInternal && client.address !== undefined &&
    isInternalAddress(client.address, options);
  info.remoteAddress = client.address ?? connection.remoteAddress;
  const isEdge = !isInternal && options.usesRemoteAddress;
  if (isInternal) headers.setId(H.xEnvoyInternal, "true");
  else removeInternalHeaders(headers, options, isEdge);
  if (options.userAgent !== undefined) setUserAgent(headers, options.userAgent);
  if (options.via !== "") appendVia(headers, options.via);
  if (isEdge && info.remoteAddress.kind === "ip") {
    headers.setId(H.xEnvoyExternalAddress, info.remoteAddress.host);
  }
  settleRequestId(headers, options.requestId, isEdge, random);
  mutateXfcc(headers, options.xfcc, connection.tls);
  return 0;
}

/** RFC 9110 §7.6.1. An upgrade keeps `connection` and `upgrade`: they go on to the upstream. */
function removeHopHeaders(headers: HeaderMap): void {
  if (!isUpgradeRequest(headers)) {
    headers.removeId(H.connection);
    headers.removeId(H.upgrade);
  }
  headers.removeId(H.xEnvoyInternal);
  headers.removeId(H.keepAlive);
  headers.removeId(H.proxyConnection);
  headers.removeId(H.transferEncoding);
  const te = headers.getId(H.te);
  if (te === undefined || te === "trailers") return;
  if (listHasTrailers(te)) headers.setId(H.te, "trailers");
  else headers.removeId(H.te);
}

function listHasTrailers(te: string): boolean {
  return te.split(",").some((coding) => coding.trim() === "trailers");
}

/** Whether the headers ask for, or grant, an upgrade: `connection` names it and `upgrade` says to what. */
export function isUpgradeRequest(headers: HeaderMap): boolean {
  const connection = headers.getId(H.connection);
  return connection !== undefined && headers.hasId(H.upgrade) && namesUpgrade(connection);
}

function namesUpgrade(connection: string): boolean {
  if (connection === "upgrade" || connection === "Upgrade") return true;
  return connection.split(",").some((option) => option.trim().toLowerCase() === "upgrade");
}

interface ClientAddress {
  readonly address: Address | undefined;
  readonly mayBeInternal: boolean;
  readonly rejectStatus: number;
}

/** The peer is the client, or the proxy before it that is trusted. */
function fromRemoteAddress(
  headers: HeaderMap,
  connection: ConnectionInfo,
  options: RequestHeaderOptions,
): ClientAddress {
  const mayBeInternal = !headers.hasId(H.xForwardedFor);
  let address: Address | undefined;
  if (options.trustedHops > 0) {
    address = lastForwardedAddress(headers, options.trustedHops - 1).address;
  }
  address ??= connection.remoteAddress;
  if (!options.skipsXffAppend) appendPeer(headers, connection, options);
  return { address, mayBeInternal, rejectStatus: 0 };
}

/** The client stands in a header, by the first extension that finds it. */
function fromHeaders(
  headers: HeaderMap,
  connection: ConnectionInfo,
  options: RequestHeaderOptions,
): ClientAddress {
  const { detectors } = options;
  for (let i = 0; i < detectors.length; i++) {
    const found = detectors[i]!.detect(headers, connection.remoteAddress);
    if (found.rejectStatus !== undefined) {
      return { address: undefined, mayBeInternal: false, rejectStatus: found.rejectStatus };
    }
    if (!found.skipsAppend) appendPeer(headers, connection, options);
    if (found.address !== undefined) {
      return { address: found.address, mayBeInternal: found.isTrusted, rejectStatus: 0 };
    }
  }
  return NO_CLIENT;
}

const NO_CLIENT: ClientAddress = { address: undefined, mayBeInternal: false, rejectStatus: 0 };

function appendPeer(
  headers: HeaderMap,
  connection: ConnectionInfo,
  options: RequestHeaderOptions,
): void {
  const peer = connection.remoteAddress;
  if (peer.kind !== "ip") return;
  const host = unmapIpv4(peer.host);
  const isLoopback = host === "127.0.0.1" || host === "::1";
  const shown = isLoopback ? options.ownAddress ?? host : host;
  const mapped = options.mapsXffToIpv6 && !shown.includes(":") ? `::ffff:${shown}` : shown;
  appendForwardedFor(headers, mapped);
}

/** A first hop that is not trusted does not tell scheme and port. */
function setForwarded(
  headers: HeaderMap,
  connection: ConnectionInfo,
  options: RequestHeaderOptions,
): void {
  if (options.trustedHops === 0 || !headers.hasId(H.xForwardedProto)) {
    headers.setId(H.xForwardedProto, forwardedProto(connection, options));
  }
  if (!options.appendsPort) return;
  if (options.trustedHops === 0 || !headers.hasId(H.xForwardedPort)) {
    setForwardedPort(headers, connection);
  }
}

function forwardedProto(connection: ConnectionInfo, options: RequestHeaderOptions): string {
  const ports = options.forwardProto;
  const local = connection.localAddress;
  // Only a PROXY header makes the two local addresses differ.
  if (ports !== undefined && local.kind === "ip" && local !== connection.directLocalAddress) {
    if (ports.https.has(local.port)) return "https";
    if (ports.http.has(local.port)) return "http";
  }
  return connection.tls !== undefined ? "https" : "http";
}

function setForwardedPort(headers: HeaderMap, connection: ConnectionInfo): void {
  const local = connection.localAddress;
  if (local.kind === "ip") headers.setId(H.xForwardedPort, String(local.port));
}

/** `:scheme` follows x-forwarded-proto where the codec knows none of its own (HTTP/1). */
function setScheme(headers: HeaderMap, options: RequestHeaderOptions, isTls: boolean): void {
  const fixed = options.schemeToSet;
  if (fixed !== undefined) {
    headers.setId(H.scheme, fixed);
    headers.setId(H.xForwardedProto, fixed);
    return;
  }
  const scheme = headers.getId(H.scheme);
  if (scheme === undefined) {
    const proto = headers.getId(H.xForwardedProto)!.toLowerCase();
    const isKnown = proto === "http" || proto === "https";
    headers.setId(H.scheme, isKnown ? proto : isTls ? "https" : "http");
  } else if (scheme !== "http" && scheme !== "https") {
    headers.setId(H.scheme, scheme.toLowerCase());
  }
}

function isInternalAddress(address: Address, options: RequestHeaderOptions): boolean {
  if (address.kind === "pipe") return options.unixSocketsAreInternal;
  return address.kind === "ip" && !options.internalAddresses.isEmpty &&
    options.internalAddresses.contains(unmapIpv4(address.host));
}

/** What steers this proxy or its upstreams is not for outsiders to say. */
const INTERNAL_IDS: readonly number[] = [
  H.xEnvoyRetriableStatusCodes,
  H.xEnvoyRetriableHeaderNames,
  H.xEnvoyRetryOn,
  H.xEnvoyRetryGrpcOn,
  H.xEnvoyMaxRetries,
  H.xEnvoyUpstreamAltStatName,
  H.xEnvoyUpstreamRqTimeoutMs,
  H.xEnvoyUpstreamRqPerTryTimeoutMs,
  H.xEnvoyUpstreamRqTimeoutAltResponse,
  H.xEnvoyExpectedRqTimeoutMs,
  H.xEnvoyForceTrace,
  H.xEnvoyIpTags,
  H.xEnvoyHedgeOnPerTryTimeout,
];
const ORIGINAL_URL = "x-envoy-original-url";

function removeInternalHeaders(
  headers: HeaderMap,
  options: RequestHeaderOptions,
  isEdge: boolean,
): void {
  if (isEdge) {
    headers.removeId(H.xEnvoyDecoratorOperation);
    headers.removeId(H.xEnvoyDownstreamServiceCluster);
    headers.removeId(H.xEnvoyDownstreamServiceNode);
    headers.removeId(H.xEnvoyOriginalPath);
    headers.removeId(H.xEnvoyOriginalHost);
  }
  for (let i = 0; i < INTERNAL_IDS.length; i++) headers.removeId(INTERNAL_IDS[i]!);
  // No well-known name: looked for by hand, since `remove` costs a look-up and a closure.
  for (let i = 0; i < headers.length; i++) {
    if (headers.nameAt(i) !== ORIGINAL_URL) continue;
    headers.remove(ORIGINAL_URL);
    break;
  }
  const names = options.internalOnlyHeaders;
  for (let i = 0; i < names.length; i++) headers.remove(names[i]!);
}

function setUserAgent(
  headers: HeaderMap,
  agent: { readonly cluster: string; readonly node: string },
): void {
  headers.setId(H.xEnvoyDownstreamServiceCluster, agent.cluster);
  const given = headers.getId(H.userAgent);
  if (given === undefined || given === "") headers.setId(H.userAgent, agent.cluster);
  if (agent.node !== "") headers.setId(H.xEnvoyDownstreamServiceNode, agent.node);
}

/** Adds this proxy to `via`, in either direction. */
export function appendVia(headers: HeaderMap, via: string): void {
  const given = headers.joined("via");
  headers.setId(H.via, given === undefined || given === "" ? via : `${given}, ${via}`);
}
