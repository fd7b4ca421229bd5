/** TLS context messages over the certificates in testdata/. */

import { Dispatcher, type Problems } from "../../src/base/mod.ts";
import type {
  envoy_config_core_v3_DataSource,
  envoy_extensions_transport_sockets_tls_v3_CertificateValidationContext,
  envoy_extensions_transport_sockets_tls_v3_CommonTlsContext,
  envoy_extensions_transport_sockets_tls_v3_DownstreamTlsContext,
  envoy_extensions_transport_sockets_tls_v3_TlsCertificate,
  envoy_extensions_transport_sockets_tls_v3_TlsParameters,
  envoy_extensions_transport_sockets_tls_v3_UpstreamTlsContext,
} from "../../src/proto/mod.ts";
import { type CompileContext, Runtime } from "../../src/runtime/mod.ts";
import { StatsRoot } from "../../src/stats/mod.ts";

type Certificate = envoy_extensions_transport_sockets_tls_v3_TlsCertificate;
type Common = envoy_extensions_transport_sockets_tls_v3_CommonTlsContext;
type Validation = envoy_extensions_transport_sockets_tls_v3_CertificateValidationContext;
type Params = envoy_extensions_transport_sockets_tls_v3_TlsParameters;
type Downstream = envoy_extensions_transport_sockets_tls_v3_DownstreamTlsContext;
type Upstream = envoy_extensions_transport_sockets_tls_v3_UpstreamTlsContext;

export function testdata(name: string): string {
  return new URL(`./testdata/${name}`, import.meta.url).pathname;
}

export function file(name: string): envoy_config_core_v3_DataSource {
  return {
    $typeName: "envoy.config.core.v3.DataSource",
    specifier: { case: "filename", value: testdata(name) },
  };
}

export function inline(text: string): envoy_config_core_v3_DataSource {
  return {
    $typeName: "envoy.config.core.v3.DataSource",
    specifier: { case: "inlineString", value: text },
  };
}

export function pair(name: string, more: Partial<Certificate> = {}): Certificate {
  return {
    $typeName: "envoy.extensions.transport_sockets.tls.v3.TlsCertificate",
    certificateChain: file(`${name}.pem`),
    privateKey: file(`${name}.key`),
    signedCertificateTimestamp: [],
    ...more,
  };
}

export function validation(more: Partial<Validation> = {}): Common["validationContextType"] {
  return {
    case: "validationContext",
    value: {
      $typeName: "envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext",
      trustedCa: file("ca.pem"),
      verifyCertificateSpki: [],
      verifyCertificateHash: [],
      matchTypedSubjectAltNames: [],
      matchSubjectAltNames: [],
      allowExpiredCertificate: false,
      trustChainVerification: 0,
      onlyVerifyLeafCertCrl: false,
      suppressClientCaList: false,
      ...more,
    },
  };
}

/** A validation context without a CA. */
export function pins(more: Partial<Validation>): Common["validationContextType"] {
  const context = validation(more);
  delete (context.value as { trustedCa?: unknown }).trustedCa;
  return context;
}

export function params(more: Partial<Params>): Params {
  return {
    $typeName: "envoy.extensions.transport_sockets.tls.v3.TlsParameters",
    tlsMinimumProtocolVersion: 0,
    tlsMaximumProtocolVersion: 0,
    cipherSuites: [],
    ecdhCurves: [],
    signatureAlgorithms: [],
    compliancePolicies: [],
    ...more,
  };
}

export function common(certificates: Certificate[], more: Partial<Common> = {}): Common {
  return {
    $typeName: "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext",
    tlsCertificates: certificates,
    tlsCertificateSdsSecretConfigs: [],
    validationContextType: { case: undefined },
    alpnProtocols: [],
    ...more,
  };
}

export function downstream(commonTlsContext: Common, more: Partial<Downstream> = {}): Downstream {
  return {
    $typeName: "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
    commonTlsContext,
    sessionTicketKeysType: { case: undefined },
    disableStatefulSessionResumption: false,
    ocspStaplePolicy: 0,
    preferClientCiphers: false,
    ...more,
  };
}

export function upstream(commonTlsContext: Common, more: Partial<Upstream> = {}): Upstream {
  return {
    $typeName: "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    commonTlsContext,
    sni: "a.test",
    autoHostSni: false,
    autoSniSanValidation: false,
    allowRenegotiation: false,
    ...more,
  };
}

/** A context that gathers problems as `severity field: text`. */
export function testContext(
  dispatcher: Dispatcher = new Dispatcher(),
  services: ReadonlyMap<string, unknown> = new Map(),
): { context: CompileContext; problems: string[]; root: StatsRoot } {
  const found: string[] = [];
  const problems: Problems = {
    error: (_message, field, text) => found.push(`error ${field}: ${text}`),
    unsupported: (_message, field, effect, refuse) =>
      found.push(`${refuse === true ? "refused" : "unsupported"} ${field}: ${effect}`),
    warn: (_message, field, text) => found.push(`warn ${field}: ${text}`),
  };
  const root = new StatsRoot();
  const context: CompileContext = {
    problems,
    dispatcher,
    isCheckOnly: false,
    worker: 1,
    server: {
      nodeId: "node",
      nodeCluster: "cluster",
      zone: "",
      nodeMetadata: {},
      hostname: "host",
      version: "test",
      drainTimeMs: 1000,
      environment: () => undefined,
    },
    extension: () => undefined,
    service<Service>(name: string): Service {
      const service = services.get(name);
      if (service === undefined) throw new RangeError(name);
      return service as Service;
    },
    scope: root.scope,
    runtime: new Runtime(),
  };
  return { context, problems: found, root };
}

/** Counters and gauges that are not 0, by name. */
export function statsOf(root: StatsRoot): Map<string, number> {
  const values = new Map<string, number>();
  const update = root.takeUpdate();
  if (update === undefined) return values;
  for (const group of update.groups) {
    const cells = new Float64Array(update.segments[group.segment]!);
    group.template.forEach((spec, index) => {
      const value = cells[group.base + index]!;
      const name = spec.name === "" ? group.prefix : `${group.prefix}.${spec.name}`;
      if (value > 0) values.set(name, value);
    });
  }
  return values;
}
