/** Stream info of a made-up connection. */

import { type ConnectionInfo, StreamInfo, type TlsInfo } from "../../../src/http/mod.ts";

export function fakeConnection(tls?: TlsInfo): ConnectionInfo {
  const remote = { kind: "ip", host: "10.0.0.7", port: 4711 } as const;
  const local = { kind: "ip", host: "127.0.0.1", port: 80 } as const;
  return {
    id: 1,
    directRemoteAddress: remote,
    remoteAddress: remote,
    localAddress: local,
    directLocalAddress: local,
    requestedServerName: "",
    applicationProtocols: [],
    tls,
    filterChainName: "",
    listenerName: "listener",
    ja3Hash: "",
    ja4Hash: "",
    terminationDetails: "",
    transportFailureReason: "",
    startWallMs: 1_700_000_000_000,
    startMs: 0,
  };
}

export function fakeStreamInfo(connection = fakeConnection()): StreamInfo {
  return new StreamInfo(connection, 0, 1_700_000_000_000);
}
