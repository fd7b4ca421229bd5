import { Certificate, parseCertificates, pemBlocks } from "../../src/net/mod.ts";
import { parseRevocations } from "../../src/net/crl.ts";
import { assertEquals, assertOk } from "../support/assert.ts";

function read(name: string): string {
  return Deno.readTextFileSync(new URL(`./testdata/${name}`, import.meta.url));
}

function certificate(name: string): Certificate {
  return parseCertificates(read(name))![0]!;
}

Deno.test("Certificate reads names in RFC 2253 order and escapes them", () => {
  assertEquals(certificate("a.pem").subject, "CN=a.test,O=Acme\\, Inc.,C=DE");
  assertEquals(certificate("a.pem").issuer, "CN=Test CA");
});

Deno.test("Certificate reads alternative names by type", () => {
  const a = certificate("a.pem");
  assertEquals(a.dnsSans, ["a.test"]);
  assertEquals(a.uriSans, ["spiffe://test/a"]);
  assertEquals(a.ipSans, ["127.0.0.1", "2001:db8::1"]);
  assertEquals(a.emailSans, ["me@a.test"]);
  const other = a.subjectAltNames.find((name) => name.type === "other");
  assertEquals(other, { type: "other", value: "other", oid: "1.2.3.4" });
});

Deno.test("Certificate gives the PEM it was read from", () => {
  const text = read("a.pem");
  const begin = text.indexOf("-----BEGIN");
  assertEquals(certificate("a.pem").pem, text.slice(begin));
});

Deno.test("Certificate tells authorities and dates", () => {
  assertEquals(certificate("ca.pem").isAuthority, true);
  assertEquals(certificate("a.pem").isAuthority, false);
  const a = certificate("a.pem");
  assertOk(a.notAfterMs > a.notBeforeMs);
  const expired = certificate("exp.pem");
  assertOk(expired.notAfterMs < expired.notBeforeMs + 1);
});

Deno.test("Certificate.parse answers undefined to whatever is cut short or garbled", () => {
  const { der } = certificate("a.pem");
  for (let size = 0; size < 200; size++) {
    assertEquals(Certificate.parse(der.subarray(0, size)), undefined, `${size} bytes`);
  }
  for (let at = 0; at < der.length; at++) {
    const garbled = der.slice();
    garbled[at] = 0xff;
    Certificate.parse(garbled);
  }
});

Deno.test("Certificate leaves out alternative names with a NUL (CVE-2025-66220)", () => {
  const der = certificate("wild.pem").der.slice();
  const text = String.fromCharCode(...der);
  const at = text.indexOf("*.wild.test");
  der[at + 2] = 0;
  assertEquals(Certificate.parse(der)!.dnsSans, []);
});

Deno.test("parseRevocations reads serials by issuer", () => {
  const revocations = parseRevocations(read("ca.crl"))!;
  const revoked = certificate("revoked.pem");
  assertOk(revocations.get(revoked.issuerHex)?.has(revoked.serial));
  assertEquals(revocations.get(revoked.issuerHex)?.has(certificate("a.pem").serial), false);
  assertEquals(parseRevocations("garbage"), undefined);
});

Deno.test("pemBlocks leaves out other labels", () => {
  assertEquals(pemBlocks(read("a.key"), "CERTIFICATE").length, 0);
  assertEquals(pemBlocks(read("a.key") + read("a.pem"), "CERTIFICATE").length, 1);
});
