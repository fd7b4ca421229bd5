import { ClientTlsContext, compileServerTls } from "../../src/net/mod.ts";
import type { envoy_extensions_transport_sockets_tls_v3_DownstreamTlsContext } from "../../src/proto/mod.ts";
import { assertEquals } from "../support/assert.ts";
import {
  common,
  downstream,
  file,
  inline,
  pair,
  params,
  pins,
  testContext,
  testdata,
  upstream,
  validation,
} from "./tls_messages.ts";

type Message = envoy_extensions_transport_sockets_tls_v3_DownstreamTlsContext;

/** Verdicts and words of Envoy 1.40's `--mode validate`, where it has any. */
const ROWS: { name: string; message: Message; want: readonly string[] }[] = [
  { name: "a certificate and its key", message: downstream(common([pair("a")])), want: [] },
  {
    name: "an encrypted key with its password",
    message: downstream(
      common([pair("a", { privateKey: file("a.enc.key"), password: inline("secret") })]),
    ),
    want: [],
  },
  {
    name: "an encrypted key with another password",
    message: downstream(
      common([pair("a", { privateKey: file("a.enc.key"), password: inline("wrong") })]),
    ),
    want: [
      `error private_key: Failed to load private key from ${
        testdata("a.enc.key")
      }, Cause: BAD_DECRYPT`,
    ],
  },
  {
    name: "a file that is not there",
    message: downstream(common([pair("a", { certificateChain: file("none.pem") })])),
    want: [
      `error certificate_chain: Failed to load incomplete certificate from ${
        testdata("none.pem")
      }: certificate chain not set`,
    ],
  },
  {
    name: "text that is no certificate",
    message: downstream(common([pair("a", { certificateChain: inline("garbage") })])),
    want: ["error certificate_chain: Failed to load certificate chain from <inline>"],
  },
  {
    name: "text that is no key",
    message: downstream(common([pair("a", { privateKey: inline("garbage") })])),
    want: ["error private_key: Failed to load private key from <inline>, Cause: NO_START_LINE"],
  },
  {
    name: "the key of another certificate",
    message: downstream(common([pair("a", { privateKey: file("wild.key") })])),
    want: [
      `error private_key: Failed to load private key from ${
        testdata("wild.key")
      }, Cause: KEY_VALUES_MISMATCH`,
    ],
  },
  {
    name: "no certificate at all",
    message: downstream(common([])),
    want: ["error tls_certificates: No TLS certificates found for server context"],
  },
  {
    name: "a CA that is none",
    message: downstream(
      common([pair("a")], {
        validationContextType: validation({ trustedCa: inline("garbage") }),
      }),
    ),
    want: ["error trusted_ca: Failed to load trusted CA certificates from <inline>"],
  },
  {
    name: "SAN matchers without a CA",
    message: downstream(
      common([pair("a")], {
        validationContextType: pins({
          matchSubjectAltNames: [{
            $typeName: "envoy.type.matcher.v3.StringMatcher",
            matchPattern: { case: "exact", value: "x" },
            ignoreCase: false,
          }],
        }),
      }),
    ),
    want: [
      "error match_typed_subject_alt_names: SAN-based verification of peer certificates without " +
      "trusted CA is insecure and not allowed",
    ],
  },
  {
    name: "an unknown cipher suite",
    message: downstream(
      common([pair("a")], { tlsParams: params({ cipherSuites: ["FOO"] }) }),
    ),
    want: [
      "error cipher_suites: Failed to initialize cipher suites FOO. The following ciphers were " +
      "rejected when tried individually: FOO",
    ],
  },
  {
    name: "a narrower list of cipher suites",
    message: downstream(
      common([pair("a")], {
        tlsParams: params({
          cipherSuites: ["[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]"],
        }),
      }),
    ),
    want: [
      "unsupported cipher_suites: connections on other suites are closed after the handshake, " +
      "not before",
    ],
  },
  {
    name: "a maximum below TLS 1.2",
    message: downstream(
      common([pair("a")], { tlsParams: params({ tlsMaximumProtocolVersion: 2 }) }),
    ),
    want: [
      "refused tls_maximum_protocol_version: no version below TLS 1.2 is spoken, so no handshake " +
      "could succeed",
    ],
  },
  {
    name: "a minimum below TLS 1.2",
    message: downstream(
      common([pair("a")], { tlsParams: params({ tlsMinimumProtocolVersion: 1 }) }),
    ),
    want: ["unsupported tls_minimum_protocol_version: TLS 1.2 is the least that is spoken"],
  },
  {
    name: "an empty ALPN protocol",
    message: downstream(common([pair("a")], { alpnProtocols: [""] })),
    want: ["error alpn_protocols: Invalid ALPN protocol string"],
  },
  {
    name: "curves in one entry, parted by colons as Envoy joins them",
    message: downstream(
      common([pair("a")], { tlsParams: params({ ecdhCurves: ["X25519:P-256:P-521:P-384"] }) }),
    ),
    want: [
      "unsupported ecdh_curves: the TLS library's own curves (X25519, P-256, P-384) are offered",
    ],
  },
  {
    name: "an unknown curve",
    message: downstream(common([pair("a")], { tlsParams: params({ ecdhCurves: ["FOO"] }) })),
    want: ["error ecdh_curves: Failed to initialize ECDH curves FOO"],
  },
  {
    name: "PKCS #12",
    message: downstream(
      common([{
        $typeName: "envoy.extensions.transport_sockets.tls.v3.TlsCertificate",
        pkcs12: file("a.p12"),
        password: inline("secret"),
        signedCertificateTimestamp: [],
      }]),
    ),
    want: [],
  },
  {
    name: "PKCS #12 beside a chain",
    message: downstream(common([pair("a", { pkcs12: file("a.p12") })])),
    want: [
      "error certificate_chain: Certificate configuration can't have both pkcs12 and " +
      "certificate_chain",
    ],
  },
  {
    name: "a static secret that nobody defined",
    message: downstream(
      common([], {
        tlsCertificateSdsSecretConfigs: [{
          $typeName: "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig",
          name: "nope",
        }],
      }),
    ),
    want: ["error name: Unknown static secret: nope"],
  },
];

for (const row of ROWS) {
  Deno.test(`compileServerTls judges ${row.name}`, () => {
    const { context, problems } = testContext();
    compileServerTls(row.message, context, context.scope.scope("listener.x"));
    assertEquals(problems, row.want);
  });
}

Deno.test("ClientTlsContext refuses two certificates", () => {
  const { context, problems } = testContext();
  new ClientTlsContext(upstream(common([pair("a"), pair("wild")])), context, context.scope);
  assertEquals(problems, [
    "error tls_certificates: Multiple TLS certificates are not supported for client contexts",
  ]);
});

/** What Envoy counts of handshakes that broke: only where its library has said why. */
const FAILURES: { name: string; code: string; message: string; want: number }[] = [
  { name: "the peer reset the connection", code: "ECONNRESET", message: "reset", want: 0 },
  { name: "the peer closed while we wrote", code: "EPIPE", message: "broken pipe", want: 0 },
  { name: "an alert", code: "ERR_SSL", message: "received fatal alert: UnknownCA", want: 1 },
  { name: "no TLS at all", code: "ERR_SSL", message: "received corrupt message", want: 1 },
];

for (const { name, code, message, want } of FAILURES) {
  Deno.test(`connection_error of a broken handshake: ${name}`, () => {
    const { context, root } = testContext();
    const server = compileServerTls(
      downstream(common([pair("a")])),
      context,
      root.scope.scope("s"),
    );
    const hello = { serverName: "", alpnProtocols: [], signatureAlgorithms: [] };
    const accepted = server.session(hello as never);
    if (typeof accepted === "string") throw new Error(accepted);
    accepted.failure(code, message);
    const client = new ClientTlsContext(upstream(common([])), context, root.scope.scope("c"));
    client.session({} as never, "").failure(code, message);
    assertEquals(server.stats.get("connection_error"), want);
    assertEquals(client.stats.get("connection_error"), want);
  });
}
