/** Inputs that read the downstream connection. */

import type { Address } from "../../base/mod.ts";
import type { CertificateInfo, ConnectionInfo } from "../../http/mod.ts";
import type { MatchData, MatchInput } from "../match_data.ts";

/** A connection is at hand by itself or under a stream. */
function connectionOf(data: MatchData): ConnectionInfo | undefined {
  return data.connection ?? data.info?.connection;
}

function ip(address: Address | undefined): string | undefined {
  return address?.kind === "ip" ? address.host : undefined;
}

function port(address: Address | undefined): string | undefined {
  return address?.kind === "ip" ? String(address.port) : undefined;
}

function remote(data: MatchData): Address | undefined {
  return data.info?.remoteAddress ?? data.connection?.remoteAddress;
}

export const destinationIp = (): MatchInput => (data) => ip(connectionOf(data)?.localAddress);
export const destinationPort = (): MatchInput => (data) => port(connectionOf(data)?.localAddress);
export const sourceIp = (): MatchInput => (data) => ip(remote(data));
export const sourcePort = (): MatchInput => (data) => port(remote(data));
export const directSourceIp = (): MatchInput => (data) =>
  ip(connectionOf(data)?.directRemoteAddress);

/** `local` for a peer on this machine, else nothing. */
export const sourceType = (): MatchInput => (data) => {
  const connection = connectionOf(data);
  const peer = ip(connection?.remoteAddress);
  if (peer === undefined) return connection === undefined ? undefined : "local";
  const isLoopback = peer === "::1" || peer.startsWith("127.");
  return isLoopback || peer === ip(connection?.localAddress) ? "local" : undefined;
};

export const serverName = (): MatchInput => (data) =>
  connectionOf(data)?.requestedServerName || undefined;

/** Quoted and joined with commas, as in `'h2','http/1.1'`. */
export const applicationProtocol = (): MatchInput => (data) => {
  const protocols = connectionOf(data)?.applicationProtocols;
  if (protocols === undefined || protocols.length === 0) return undefined;
  return protocols.map((protocol) => `'${protocol}'`).join(",");
};

export const transportProtocol = (): MatchInput => (data) => {
  const connection = connectionOf(data);
  if (connection === undefined) return undefined;
  return connection.transportProtocol || (connection.tls === undefined ? "raw_buffer" : "tls");
};

type PeerList = "dnsSans" | "uriSans";

function peerOf(data: MatchData): CertificateInfo | undefined {
  return connectionOf(data)?.tls?.peer;
}

/** Subject alternative names of the peer's certificate, joined with commas. */
export function peerSans(list: PeerList): () => MatchInput {
  return () => (data) => peerOf(data)?.[list].join(",") || undefined;
}

export const peerSubject = (): MatchInput => (data) => peerOf(data)?.subject || undefined;

/** The serialized object of a key in filter state. */
export function filterStateInput(message: object): MatchInput {
  const key = (message as { key: string }).key;
  return (data) => data.info?.stateObject(key)?.serialize();
}
