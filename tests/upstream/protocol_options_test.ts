// How a cluster speaks HTTP: which options win, Envoy's defaults, and what is refused.

import type { Problems } from "../../src/base/mod.ts";
import {
  compileProtocolOptions,
  HTTP_PROTOCOL_OPTIONS,
  type UpstreamProtocolOptions,
} from "../../src/upstream/protocol_options.ts";
import { assertEquals } from "../support/assert.ts";
import { NO_PROBLEMS } from "../support/fakes/compile_context.ts";
import { clusterOf } from "./support.ts";

/** HttpProtocolOptions as a cluster carries them. */
function typed(options: object): object {
  const config = { "@type": `type.googleapis.com/${HTTP_PROTOCOL_OPTIONS}`, ...options };
  return { typed_extension_protocol_options: { [HTTP_PROTOCOL_OPTIONS]: config } };
}

const HTTP1 = { explicit_http_config: { http_protocol_options: {} } };
const HTTP2 = { explicit_http_config: { http2_protocol_options: {} } };
const KIB = 1024;

interface Row {
  readonly name: string;
  readonly fields: object;
  readonly pick: (options: UpstreamProtocolOptions) => unknown;
  readonly want: unknown;
}

const MODES: readonly (readonly [string, object, boolean, string])[] = [
  ["nothing", {}, false, "http1"],
  ["http2_protocol_options of the cluster", { http2_protocol_options: {} }, false, "http2"],
  [
    "USE_DOWNSTREAM_PROTOCOL",
    {
      http2_protocol_options: {},
      protocol_selection: "USE_DOWNSTREAM_PROTOCOL",
    },
    false,
    "downstream",
  ],
  ["explicit HTTP/1.1", typed(HTTP1), false, "http1"],
  ["explicit HTTP/2", typed(HTTP2), false, "http2"],
  [
    "typed options over those of the cluster",
    { http2_protocol_options: {}, ...typed(HTTP1) },
    false,
    "http1",
  ],
  ["auto_config", typed({ auto_config: {} }), true, "auto"],
  [
    "use_downstream_protocol_config",
    typed({ use_downstream_protocol_config: {} }),
    false,
    "downstream",
  ],
];

for (const [name, fields, isTls, want] of MODES) {
  Deno.test(`the protocol of a cluster with ${name}`, async () => {
    const options = compileProtocolOptions(await clusterOf(fields), isTls, NO_PROBLEMS);
    assertEquals(options.mode, want);
  });
}

const COMMON = { max_headers_count: 7, max_response_headers_kb: 96 };
const LIMITS = ({ http1, http2 }: UpstreamProtocolOptions) => [
  http1.maxHeadersCount,
  http1.maxHeadersBytes,
  http2.maxHeadersCount,
  http2.maxHeadersBytes,
];

const ROWS: readonly Row[] = [
  {
    name: "limits of headers by default",
    fields: {},
    pick: LIMITS,
    want: [100, 80 * KIB, 100, 60 * KIB],
  },
  {
    name: "max_headers_count and max_response_headers_kb",
    fields: typed({ ...HTTP1, common_http_protocol_options: COMMON }),
    pick: LIMITS,
    want: [7, 96 * KIB, 7, 96 * KIB],
  },
  {
    name: "the same fields of the cluster itself",
    fields: { common_http_protocol_options: COMMON },
    pick: LIMITS,
    want: [7, 96 * KIB, 7, 96 * KIB],
  },
  {
    name: "times and counts by default",
    fields: {},
    pick: (options) => [
      options.idleTimeoutMs,
      options.maxConnectionDurationMs,
      options.maxRequestsPerConnection,
      options.keepalive,
    ],
    want: [3_600_000, undefined, 0, undefined],
  },
  {
    name: "times and counts as configured",
    fields: typed({
      ...HTTP1,
      common_http_protocol_options: {
        idle_timeout: "0s",
        max_connection_duration: "5s",
        max_connection_duration_jitter: { value: 20 },
        max_requests_per_connection: 3,
      },
    }),
    pick: (options) => [
      options.idleTimeoutMs,
      options.maxConnectionDurationMs,
      options.maxConnectionDurationJitter,
      options.maxRequestsPerConnection,
    ],
    want: [0, 5000, 20, 3],
  },
  {
    name: "max_requests_per_connection of the cluster",
    fields: { max_requests_per_connection: 9 },
    pick: (options) => options.maxRequestsPerConnection,
    want: 9,
  },
  {
    name: "connection_keepalive",
    fields: typed({
      explicit_http_config: {
        http2_protocol_options: { connection_keepalive: { interval: "3s", timeout: "2s" } },
      },
    }),
    pick: (options) => options.keepalive,
    want: { intervalMs: 3000, timeoutMs: 2000, jitter: 0.15, idleIntervalMs: 0 },
  },
  {
    name: "connection_keepalive of auto_config",
    fields: typed({
      auto_config: {
        http2_protocol_options: {
          connection_keepalive: { connection_idle_interval: "1s", timeout: "2s" },
        },
      },
    }),
    pick: (options) => options.keepalive?.idleIntervalMs,
    want: 1000,
  },
];

for (const { name, fields, pick, want } of ROWS) {
  Deno.test(`protocol options: ${name}`, async () => {
    const options = compileProtocolOptions(await clusterOf(fields), true, NO_PROBLEMS);
    assertEquals(pick(options), want);
  });
}

const CACHE = { alternate_protocols_cache_options: { name: "a" } };
const HTTP3 = { http3_protocol_options: {} };
const NO_QUIC = "transport_socket: HTTP3 requires a QuicUpstreamTransport transport socket: c";
const TCP_OPTIONS = "envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions";

/** As `envoy --mode validate` of 1.40 says. */
const VERDICTS: readonly (readonly [string, object, boolean, readonly string[]])[] = [
  ["auto_config without TLS", typed({ auto_config: {} }), false, [
    ": ALPN configured for cluster which has a non-ALPN transport socket",
  ]],
  ["auto_config with TLS", typed({ auto_config: {} }), true, []],
  ["a cache without HTTP/3", typed({ auto_config: CACHE }), true, []],
  ["HTTP/3 without a cache", typed({ auto_config: HTTP3 }), true, [
    "http3_protocol_options: alternate protocols cache must be configured when HTTP/3 is enabled with auto_config",
  ]],
  ["HTTP/3 by auto_config over TLS", typed({ auto_config: { ...HTTP3, ...CACHE } }), true, [
    NO_QUIC,
  ]],
  ["explicit HTTP/3 over TLS", typed({ explicit_http_config: HTTP3 }), true, [NO_QUIC]],
  ["HTTP/3 as the downstream over TLS", typed({ use_downstream_protocol_config: HTTP3 }), true, [
    NO_QUIC,
  ]],
  [
    "TCP protocol options",
    {
      typed_extension_protocol_options: {
        [TCP_OPTIONS]: { "@type": `type.googleapis.com/${TCP_OPTIONS}`, idle_timeout: "1s" },
      },
    },
    false,
    [],
  ],
];

for (const [name, fields, isTls, want] of VERDICTS) {
  Deno.test(`protocol options are judged as by Envoy: ${name}`, async () => {
    const told: string[] = [];
    const problems: Problems = {
      error: (_message, field, text) => void told.push(`${field}: ${text}`),
      unsupported() {},
      warn() {},
    };
    compileProtocolOptions(await clusterOf(fields), isTls, problems);
    assertEquals(told, want);
  });
}
