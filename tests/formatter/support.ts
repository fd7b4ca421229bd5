// A stream with everything set, and helpers to format it.
import type { Problems } from "../../src/base/mod.ts";
import { compileFormat, type FormatContext, type FormatPlace } from "../../src/formatter/mod.ts";
import {
  type FilterStateObject,
  FLAG,
  HeaderMap,
  newUpstreamInfo,
  type TlsInfo,
} from "../../src/http/mod.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";
import { fakeConnection, fakeStreamInfo } from "../support/fakes/stream_info.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** 2026-11-21T10:46:06.413901Z. */
export const START_WALL_MS = 1795257966413.901;

const certificate = {
  subject: "CN=client,O=Ex",
  issuer: "CN=ca",
  serial: "0a0b",
  sha256Hex: "ab".repeat(32),
  sha1Hex: "cd".repeat(20),
  uriSans: ["spiffe://a", "spiffe://b"],
  dnsSans: ["c.test"],
  ipSans: ["10.0.0.1"],
  emailSans: ["a@c.test"],
  notBeforeMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  notAfterMs: Date.UTC(2027, 0, 2, 3, 4, 5),
  pem: "-----BEGIN CERTIFICATE-----\nA+/=\n-----END CERTIFICATE-----\n",
};

export const TLS: TlsInfo = {
  sni: "sni.test",
  alpn: "h2",
  version: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  sessionId: "beef",
  peerCertificatePresented: true,
  peerCertificateValidated: true,
  peer: certificate,
  local: { ...certificate, subject: "CN=server", uriSans: [], dnsSans: ["s.test"] },
  peerChainPem: () => undefined,
};

/** A finished request with an upstream. */
export function fullContext(): FormatContext {
  const connection = {
    ...fakeConnection(TLS),
    requestedServerName: "sni.test",
    filterChainName: "chain",
    directRemoteAddress: { kind: "ip", host: "10.0.0.8", port: 5 } as const,
  };
  const info = Object.assign(fakeStreamInfo(connection), {
    startWallMs: START_WALL_MS,
    protocol: "HTTP/2",
    responseCode: 503,
    responseCodeDetails: "via upstream",
    remoteAddress: { kind: "ip", host: "2001:db8::7", port: 0 },
    bytesReceived: 5,
    bytesSent: 7,
    wireBytesReceived: 50,
    wireBytesSent: 70,
    headerBytesReceived: 40,
    headerBytesSent: 60,
    lastDownstreamRxMs: 3.9,
    firstDownstreamTxMs: 60,
    lastDownstreamTxMs: 80.5,
    endMs: 90.9,
    upstreamCluster: "cluster",
    attemptCount: 2,
    requestId: "12345678-0000-4000-8000-000000000000",
    virtualClusterName: "vc",
    route: { routeName: "route", virtualHostName: "vh", metadata: { a: { n: 3 } } },
    dynamicMetadata: {
      a: { s: 'st"r é', n: 3, f: 1.5, l: [1, "x", null, true], o: { z: "y", b: false }, nul: null },
    },
    filterState: new Map<string, FilterStateObject>([
      ["k", { serialize: () => "plain", json: () => ({ b: 1, a: "é" }) }],
      ["t", { serialize: () => "text", json: () => 'é"' }],
    ]),
  });
  info.setFlag(FLAG.upstreamRetryLimitExceeded);
  info.setFlag(FLAG.upstreamConnectionFailure);
  info.upstream = {
    ...newUpstreamInfo("cluster"),
    address: { kind: "ip", host: "::1", port: 8080 },
    hostname: "up.test:8080",
    localAddress: { kind: "ip", host: "127.0.0.1", port: 999 },
    hostMetadata: { "envoy.lb": { zone: "z1", n: 3 } },
    clusterMetadata: { m: { c: "v" } },
    protocol: "HTTP/1.1",
    tls: TLS,
    connectionId: 23,
    transportFailureReason: "TLS error",
    connectStartMs: 1,
    connectCompleteMs: 2.0625,
    poolReadyMs: 4,
    lastTxMs: 5.5,
    firstRxMs: 60.2,
    wireBytesSent: 241,
  };
  return {
    requestHeaders: HeaderMap.of(
      [":method", "GET"],
      [":path", "/new/x?k=v%20w&k=2"],
      [":scheme", "https"],
      [":authority", "h.test:80"],
      ["x-in", 'a\tb"c\\d'],
      ["x-in", "second"],
      ["x-envoy-original-path", "/old/x?k=1"],
      ["content-type", "application/grpc"],
      ["x-forwarded-client-cert", 'By=b;Hash=1;Subject="CN=a,\\"O=b;c";URI=u,Hash=2'],
    ),
    responseHeaders: HeaderMap.of([":status", "503"], ["x-out", "vwxyz"]),
    responseTrailers: HeaderMap.of(["grpc-status", "14"], ["x-t", "v"]),
    info,
    localReplyBody: "body",
    accessLogType: "DownstreamEnd",
  };
}

/** A request that got nowhere: nothing is known but the connection. */
export function emptyContext(): FormatContext {
  return {
    requestHeaders: undefined,
    responseHeaders: undefined,
    responseTrailers: undefined,
    info: fakeStreamInfo(),
    localReplyBody: "",
    accessLogType: "NotSet",
  };
}

/** A context whose dispatcher stands at 100 ms. */
export function compileContext(problems?: Problems): ReturnType<typeof fakeContext> {
  const clock = new FakeClock();
  clock.advance(100);
  return fakeContext({
    dispatcher: { clock, sleeper: clock },
    environment: { ZONE: "eu-1" },
    ...(problems === undefined ? {} : { problems }),
  });
}

/** Collects problems as texts. */
export function collect(): { readonly problems: Problems; readonly found: string[] } {
  const found: string[] = [];
  const add = (_message: object, _field: string, text: string): void => void found.push(text);
  return { found, problems: { error: add, unsupported: add, warn: add } };
}

/** Formats a text at once. */
export function format(
  text: string,
  context: FormatContext,
  place: Partial<FormatPlace> = {},
): string {
  const { problems } = collect();
  const at = { message: {}, field: "format", ...place };
  return compileFormat(text, compileContext(problems), at).format(context);
}
