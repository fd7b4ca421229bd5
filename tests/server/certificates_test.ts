/** /certs: the certificates that the TLS contexts of a configuration name. */

import {
  certificateStatuses,
  collectCertificates,
  daysUntilFirstExpiry,
} from "../../src/server/certificates.ts";
import { assertEquals, assertOk } from "../support/assert.ts";

const CONTEXT = "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext";
const file = (name: string): string => new URL(`../net/testdata/${name}`, import.meta.url).pathname;
const fromFile = (name: string) => ({ specifier: { case: "filename", value: file(name) } });
const inline = (name: string) => ({
  specifier: { case: "inlineString", value: Deno.readTextFileSync(file(name)) },
});

function context(chain: object | undefined, validation: object): object {
  return {
    $typeName: CONTEXT,
    tlsCertificates: chain === undefined ? [] : [{ certificateChain: chain }],
    validationContextType: validation,
  };
}

const NO_VALIDATION = { case: undefined };
const CA = { case: "validationContext", value: { trustedCa: fromFile("ca.pem") } };
const COMBINED = {
  case: "combinedValidationContext",
  value: { defaultValidationContext: { trustedCa: fromFile("ca.pem") } },
};

const ROWS = [
  { name: "no contexts", tree: { listeners: [{}] }, want: [] },
  { name: "a context without any", tree: context(undefined, NO_VALIDATION), want: [] },
  { name: "a chain", tree: context(fromFile("b.pem"), NO_VALIDATION), want: [[1, 0]] },
  { name: "a trusted CA", tree: context(undefined, CA), want: [[0, 1]] },
  { name: "the default of a combined context", tree: context(undefined, COMBINED), want: [[0, 1]] },
  {
    name: "several contexts, deep in the tree",
    tree: { a: [{ b: context(inline("a.pem"), CA) }], c: context(fromFile("b.pem"), CA) },
    want: [[1, 1], [1, 1]],
  },
  {
    name: "a file that is not there",
    tree: context(fromFile("none.pem"), NO_VALIDATION),
    want: [],
  },
  {
    name: "a file that holds no certificate",
    tree: context(fromFile("a.key"), NO_VALIDATION),
    want: [],
  },
] as const;

for (const { name, tree, want } of ROWS) {
  Deno.test(`Certificates of ${name}`, () => {
    assertEquals(
      collectCertificates(tree).map(({ chain, ca }) => [chain.length, ca.length]),
      want,
    );
  });
}

Deno.test("A certificate is shown with its names, its times and the days it has left", () => {
  const contexts = collectCertificates(context(inline("a.pem"), NO_VALIDATION));
  const { certificate } = contexts[0]!.chain[0]!;
  const end = Date.parse(certificate.validTo);
  const [status] = certificateStatuses(contexts, end - 36 * 3600 * 1000);
  const shown = status!.certChain[0] as { readonly [name: string]: unknown };
  assertEquals(shown["path"], "<inline>");
  assertEquals(shown["days_until_expiration"], "1");
  assertEquals(shown["serial_number"], certificate.serialNumber.toLowerCase());
  assertEquals(shown["expiration_time"], new Date(end).toISOString().replace(".000Z", "Z"));
  assertEquals(shown["subject_alt_names"], [
    { dns: "a.test" },
    { uri: "spiffe://test/a" },
    { ip_address: "127.0.0.1" },
    { ip_address: "2001:db8::1" },
  ]);
});

Deno.test("The first expiry counts over all contexts and never goes below zero", () => {
  assertEquals(daysUntilFirstExpiry([], 0), undefined);
  const contexts = collectCertificates([
    context(fromFile("exp.pem"), NO_VALIDATION),
    context(fromFile("b.pem"), CA),
  ]);
  const ends = contexts.flatMap(({ chain, ca }) => [...chain, ...ca])
    .map(({ certificate }) => Date.parse(certificate.validTo));
  assertOk(Math.min(...ends) < Math.max(...ends));
  assertEquals(daysUntilFirstExpiry(contexts, Math.min(...ends) - 10 * 24 * 3600 * 1000), 10);
  assertEquals(daysUntilFirstExpiry(contexts, Math.max(...ends)), 0);
});
