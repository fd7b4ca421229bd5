/** CommonTlsContext: what servers and clients share. Own certificates and checks of the peer, live under SDS. */

import { type BaseCompileContext, logger } from "../base/mod.ts";
import type {
  envoy_extensions_transport_sockets_tls_v3_CertificateValidationContext,
  envoy_extensions_transport_sockets_tls_v3_CommonTlsContext,
} from "../proto/mod.ts";
import { SecretSubscription } from "./secrets.ts";
import { compileTlsIdentity, type TlsIdentity } from "./tls_identity.ts";
import { compileTlsParams, type TlsParams } from "./tls_params.ts";
import type { TlsStats } from "./tls_stats.ts";
import { PeerVerifier } from "./tls_verify.ts";

type Message = envoy_extensions_transport_sockets_tls_v3_CommonTlsContext;
type Validation = envoy_extensions_transport_sockets_tls_v3_CertificateValidationContext;

/** What an absent common_tls_context means. */
export const EMPTY_COMMON: Message = {
  $typeName: "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext",
  tlsCertificates: [],
  tlsCertificateSdsSecretConfigs: [],
  validationContextType: { case: undefined },
  alpnProtocols: [],
};

export interface CommonParts {
  readonly side: "server" | "client";
  readonly context: BaseCompileContext;
  readonly stats: TlsStats;
}

/** Swaps identities and checks as secrets change; connections keep what they began with. */
export class CommonTls {
  readonly params: TlsParams;
  readonly alpnProtocols: readonly string[];
  /** Empty until all certificates have arrived. */
  identities: readonly TlsIdentity[] = [];
  /** Undefined where the peer is not checked, or its checks have not arrived: see `isReady`. */
  verifier: PeerVerifier | undefined = undefined;
  /** False while a secret is missing: no handshake may begin. */
  isReady = false;
  /** Told after each change by a secret. */
  onChange: () => void = () => {};
  readonly #message: Message;
  readonly #parts: CommonParts;
  readonly #certificates: readonly SecretSubscription[];
  readonly #validation: SecretSubscription | undefined;

  constructor(message: Message, parts: CommonParts) {
    const { context } = parts;
    this.#message = message;
    this.#parts = parts;
    this.params = compileTlsParams(message.tlsParams, parts.side, context);
    this.alpnProtocols = compileAlpn(message, context);
    reportUnsupported(message, context);
    this.#certificates = message.tlsCertificateSdsSecretConfigs.map((config) =>
      new SecretSubscription(config, context)
    );
    this.#validation = validationSecret(message, context);
    this.#load();
    const reload = (): void => {
      // A secret that does not load leaves the old one in service, as with Envoy.
      try {
        this.#load();
      } catch (error) {
        logger("config").warning("a secret was not taken up: {error}", { error: String(error) });
        return;
      }
      this.onChange();
    };
    if (context.isCheckOnly) return;
    for (const certificate of this.#certificates) certificate.watch(reload);
    this.#validation?.watch(reload);
  }

  /** Whether any certificate is configured, arrived or not. */
  get hasCertificates(): boolean {
    return this.#message.tlsCertificates.length > 0 || this.#certificates.length > 0;
  }

  #load(): void {
    const identities: TlsIdentity[] = [];
    let isReady = true;
    for (const message of this.#message.tlsCertificates) {
      const identity = compileTlsIdentity(message, this.#parts.context);
      if (identity !== undefined) identities.push(identity);
    }
    for (const subscription of this.#certificates) {
      const type = subscription.secret?.type;
      const identity = type?.case === "tlsCertificate"
        ? compileTlsIdentity(type.value, this.#parts.context)
        : undefined;
      if (identity === undefined) isReady = false;
      else identities.push(identity);
    }
    const validation = this.#validationMessage();
    if (validation === "missing") isReady = false;
    else this.verifier = this.#compileVerifier(validation);
    this.identities = identities;
    this.isReady = isReady;
  }

  #compileVerifier(message: Validation | undefined): PeerVerifier | undefined {
    if (message === undefined) return undefined;
    return new PeerVerifier(message, this.#parts.context, this.#parts.stats);
  }

  #validationMessage(): Validation | undefined | "missing" {
    const type = this.#message.validationContextType;
    if (type.case === "validationContext") return type.value;
    if (this.#validation === undefined) {
      return type.case === "combinedValidationContext"
        ? type.value.defaultValidationContext
        : undefined;
    }
    const secret = this.#validation.secret?.type;
    if (secret?.case !== "validationContext") return "missing";
    if (type.case !== "combinedValidationContext") return secret.value;
    const base = type.value.defaultValidationContext;
    return base === undefined ? secret.value : mergeValidation(base, secret.value);
  }
}

/** What MergeFrom does: lists are joined, single fields of `over` win where they are set. */
function mergeValidation(base: Validation, over: Validation): Validation {
  const merged: { [field: string]: unknown } = { ...base };
  for (const [field, value] of Object.entries(over)) {
    if (Array.isArray(value)) merged[field] = [...(merged[field] as unknown[]), ...value];
    else if (value !== undefined && value !== false && value !== 0) merged[field] = value;
  }
  return merged as unknown as Validation;
}

function validationSecret(
  message: Message,
  context: BaseCompileContext,
): SecretSubscription | undefined {
  const type = message.validationContextType;
  const config = type.case === "validationContextSdsSecretConfig"
    ? type.value
    : type.case === "combinedValidationContext"
    ? type.value.validationContextSdsSecretConfig
    : undefined;
  return config === undefined ? undefined : new SecretSubscription(config, context);
}

function compileAlpn(message: Message, context: BaseCompileContext): readonly string[] {
  // Envoy joins the list with commas and splits it again.
  const protocols = message.alpnProtocols.flatMap((text) => text.split(","));
  if (protocols.some((protocol) => protocol === "" || protocol.length > 255)) {
    context.problems.error(message, "alpn_protocols", "Invalid ALPN protocol string");
  }
  return protocols;
}

function reportUnsupported(message: Message, context: BaseCompileContext): void {
  const { problems } = context;
  for (
    const [field, name] of [
      ["tlsCertificateProviderInstance", "tls_certificate_provider_instance"],
      ["tlsCertificateCertificateProvider", "tls_certificate_certificate_provider"],
      [
        "tlsCertificateCertificateProviderInstance",
        "tls_certificate_certificate_provider_instance",
      ],
      ["customTlsCertificateSelector", "custom_tls_certificate_selector"],
      ["customHandshaker", "custom_handshaker"],
    ] as const
  ) {
    if (message[field] === undefined) continue;
    problems.unsupported(message, name, "certificates and handshakes are the built-in ones", true);
  }
  if (message.keyLog !== undefined) {
    problems.unsupported(message, "key_log", "session keys are not written anywhere");
  }
  const type = message.validationContextType.case;
  if (
    type === "validationContextCertificateProvider" ||
    type === "validationContextCertificateProviderInstance"
  ) {
    const effect = "certificate providers are not known, use validation_context or SDS";
    problems.unsupported(message, "validation_context_type", effect, true);
  }
}
