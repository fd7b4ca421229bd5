/** TLS contexts: what needs no certificate to be read. */

import type { Checks } from "./context.ts";

/** Checks by message type. */
export const TLS_CHECKS: Checks = {
  "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext": (
    { validationContextType },
    { problems },
  ) => {
    // A combined context gets its authority by discovery.
    if (validationContextType.case !== "validationContext") return;
    const context = validationContextType.value;
    // A name in a certificate that anyone may have signed proves nothing.
    const hasAuthority = context.trustedCa !== undefined ||
      context.caCertificateProviderInstance !== undefined ||
      context.systemRootCerts !== undefined || context.customValidatorConfig !== undefined;
    const typed = context.matchTypedSubjectAltNames.length > 0;
    if (hasAuthority || (!typed && context.matchSubjectAltNames.length === 0)) return;
    const field = typed ? "match_typed_subject_alt_names" : "match_subject_alt_names";
    problems.error(context, field, "names are verified only with a trusted_ca");
  },
};
