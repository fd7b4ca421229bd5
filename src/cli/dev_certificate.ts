/** A self-signed certificate for development: localhost and loopback only, kept for 30 days. */

// The X.509 library finds its algorithms by this polyfill.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const DAY_MS = 24 * 3600 * 1000;
const VALID_DAYS = 30;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** Makes `cert.pem` and `key.pem` in `directory` unless good ones are there. */
export async function ensureDevCertificate(directory: string): Promise<void> {
  const certPath = `${directory}/cert.pem`;
  const keyPath = `${directory}/key.pem`;
  if (isGood(certPath, keyPath)) return;
  Deno.mkdirSync(directory, { recursive: true });
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: crypto.randomUUID().replaceAll("-", "").slice(0, 16),
    name: "CN=localhost",
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + VALID_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      // No authority: rustls refuses one as a server's certificate.
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
        { type: "ip", value: "::1" },
      ]),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  Deno.writeTextFileSync(certPath, certificate.toString("pem") + "\n");
  Deno.writeTextFileSync(keyPath, x509.PemConverter.encode(key, "PRIVATE KEY") + "\n", {
    mode: 0o600,
  });
}

function isGood(certPath: string, keyPath: string): boolean {
  try {
    Deno.statSync(keyPath);
    const certificate = new x509.X509Certificate(Deno.readTextFileSync(certPath));
    return certificate.notAfter.getTime() > Date.now() + DAY_MS;
  } catch {
    return false;
  }
}
