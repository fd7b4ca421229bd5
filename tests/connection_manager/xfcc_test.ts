/** x-forwarded-client-cert in all modes, as in the conformance area `tls`. */

import { mutateXfcc, type XfccDetails, type XfccMode } from "../../src/connection_manager/xfcc.ts";
import { type CertificateInfo, H, HeaderMap, type TlsInfo } from "../../src/http/mod.ts";
import { assertEquals } from "../support/assert.ts";

const certificate = (fields: Partial<CertificateInfo>): CertificateInfo => ({
  subject: "O=Conformance,CN=client one",
  issuer: "CN=ca",
  serial: "01",
  sha256Hex: "ab",
  sha1Hex: "cd",
  uriSans: [],
  dnsSans: [],
  ipSans: [],
  emailSans: [],
  notBeforeMs: 0,
  notAfterMs: 0,
  pem: "-----BEGIN C-----\na+/=\n",
  ...fields,
});

const peer = certificate({
  uriSans: ["spiffe://conf.test/client"],
  dnsSans: ["client.test", "client-alt.test"],
});
const local = certificate({ uriSans: ["spiffe://conf.test/server"] });

const tlsOf = (leaf: CertificateInfo | undefined): TlsInfo => ({
  sni: undefined,
  alpn: undefined,
  version: "TLSv1.3",
  cipher: undefined,
  sessionId: undefined,
  peerCertificatePresented: leaf !== undefined,
  peerCertificateValidated: leaf !== undefined,
  peer: leaf,
  local,
  peerChainPem: () => "chain",
});

const NONE: XfccDetails = {
  cert: false,
  chain: false,
  subject: false,
  uri: false,
  dns: false,
  issuer: false,
};
const ALL: XfccDetails = { ...NONE, cert: true, chain: true, subject: true, uri: true, dns: true };
const BY = "By=spiffe://conf.test/server;Hash=ab";
const WHOLE = `${BY};Cert="-----BEGIN%20C-----%0Aa%2B%2F%3D%0A";Chain="chain";` +
  `Subject="O=Conformance,CN=client one";URI=spiffe://conf.test/client;` +
  "DNS=client.test;DNS=client-alt.test";

interface Row {
  readonly name: string;
  readonly mode: XfccMode;
  readonly details?: XfccDetails;
  readonly tls?: TlsInfo;
  readonly given?: string;
  readonly isJson?: boolean;
  readonly want: string | undefined;
}

const OBJECT = '{"by":["spiffe://conf.test/server"],"hash":"ab"}';

const ROWS: readonly Row[] = [
  { name: "SANITIZE removes it", mode: "sanitize", given: "By=x", want: undefined },
  { name: "FORWARD_ONLY forwards", mode: "forward_only", given: "By=x", want: "By=x" },
  {
    name: "FORWARD_ONLY without a client certificate",
    mode: "forward_only",
    tls: tlsOf(undefined),
    given: "By=x",
    want: undefined,
  },
  {
    name: "ALWAYS_FORWARD_ONLY without a client certificate",
    mode: "always_forward_only",
    tls: tlsOf(undefined),
    given: "By=x",
    want: "By=x",
  },
  { name: "SANITIZE_SET without details", mode: "sanitize_set", given: "By=x", want: BY },
  { name: "SANITIZE_SET with all", mode: "sanitize_set", details: ALL, want: WHOLE },
  { name: "APPEND_FORWARD starts", mode: "append_forward", want: BY },
  { name: "APPEND_FORWARD appends", mode: "append_forward", given: "By=x", want: `By=x,${BY}` },
  {
    name: "a certificate without URI SANs has an empty URI",
    mode: "sanitize_set",
    details: { ...NONE, uri: true, dns: true },
    tls: tlsOf(certificate({})),
    want: `${BY};URI=`,
  },
  { name: "JSON", mode: "sanitize_set", isJson: true, want: `[${OBJECT}]` },
  {
    name: "JSON with all but the certificates",
    mode: "sanitize_set",
    isJson: true,
    details: { ...ALL, cert: false, chain: false, issuer: true },
    want: '[{"by":["spiffe://conf.test/server"],"hash":"ab",' +
      '"subject":"O=Conformance,CN=client one","uri":["spiffe://conf.test/client"],' +
      '"dns":["client.test","client-alt.test"],"issuer":"CN=ca"}]',
  },
  {
    name: "JSON leaves empty lists out",
    mode: "sanitize_set",
    isJson: true,
    details: { ...NONE, uri: true, dns: true },
    tls: tlsOf(certificate({})),
    want: `[${OBJECT}]`,
  },
  {
    name: "JSON appends to an array",
    mode: "append_forward",
    isJson: true,
    given: '[{"a":1}]',
    want: `[{"a":1},${OBJECT}]`,
  },
  {
    name: "JSON goes on with a given text as text",
    mode: "append_forward",
    isJson: true,
    given: "By=before",
    want: `By=before,${BY}`,
  },
];

for (const row of ROWS) {
  const { name, mode, details = NONE, tls = tlsOf(peer), given, isJson = false, want } = row;
  Deno.test(`XFCC: ${name}`, () => {
    const headers = new HeaderMap();
    if (given !== undefined) headers.add("x-forwarded-client-cert", given);
    mutateXfcc(headers, { mode, isJson, details }, tls);
    assertEquals(headers.getId(H.xForwardedClientCert), want);
  });
}

Deno.test("XFCC: plain text has no client certificate", () => {
  const headers = HeaderMap.of(["x-forwarded-client-cert", "By=x"]);
  mutateXfcc(headers, { mode: "sanitize_set", isJson: false, details: ALL }, undefined);
  assertEquals(headers.getId(H.xForwardedClientCert), undefined);
});
