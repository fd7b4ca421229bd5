/**
 * A file of resources: a DiscoveryResponse as text, read like a configuration, but that a field
 * nobody knows is only worth a warning there, as in Envoy.
 */

import type { ConfigProblem, Problems } from "../base/mod.ts";
import type { AnyMessage, envoy_service_discovery_v3_DiscoveryResponse } from "../proto/mod.ts";
import type { Decoder } from "./decoder.ts";
import { reportUnsupported } from "./support/report.ts";

const TYPE = "envoy.service.discovery.v3.DiscoveryResponse";

/** What such a file holds. */
export interface DecodedResponse {
  readonly version: string;
  readonly resources: readonly AnyMessage[];
  /** Whether the text was no DiscoveryResponse at all. */
  readonly isUnreadable: boolean;
  /** All problems so far, in the order of the text; later ones come by `problemsFor`. */
  problems(): readonly ConfigProblem[];
  /** The sink of compile steps: message and field become a position. */
  problemsFor(): Problems;
}

/** @param file as problems name it; its ending says how the text is written */
export function decodeDiscoveryFile(
  text: string,
  file: string,
  decoder: Decoder,
): DecodedResponse {
  const decoded = decoder.decode([{ text, file }], TYPE, { allowsUnknownFields: true });
  const response = decoded.message as unknown as envoy_service_discovery_v3_DiscoveryResponse;
  for (const resource of response.resources) {
    reportUnsupported(resource as never, decoder, decoded.sink());
  }
  return {
    version: response.versionInfo,
    resources: response.resources,
    isUnreadable: decoded.isUnreadable,
    problems: () => decoded.allProblems(),
    problemsFor: () => decoded.sink(),
  };
}
