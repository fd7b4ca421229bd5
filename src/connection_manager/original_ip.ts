/** Original IP detection extensions: who the client is when the peer is another proxy. */

import type { Address } from "../base/mod.ts";
import type { HeaderMap } from "../http/mod.ts";
import { compileCidrSet } from "../matching/mod.ts";
import type {
  envoy_config_core_v3_TypedExtensionConfig,
  envoy_extensions_http_original_ip_detection_custom_header_v3_CustomHeaderConfig as CustomHeader,
  envoy_extensions_http_original_ip_detection_xff_v3_XffConfig as XffConfig,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { lastForwardedAddress, lastUntrustedAddress, parseAddress } from "./address_header.ts";

/** What a detector found. */
export interface DetectedIp {
  readonly address: Address | undefined;
  /** The address may make the request internal. */
  readonly isTrusted: boolean;
  /** The request is refused with this status. */
  readonly rejectStatus: number | undefined;
  readonly skipsAppend: boolean;
}

export interface OriginalIpDetector {
  detect(headers: HeaderMap, peer: Address): DetectedIp;
}

const TYPES = "envoy.extensions.http.original_ip_detection.";

/** Compiles the list; `config/` has refused what is neither of the two. */
export function compileOriginalIp(
  messages: readonly envoy_config_core_v3_TypedExtensionConfig[],
  context: CompileContext,
): OriginalIpDetector[] {
  const detectors: OriginalIpDetector[] = [];
  for (const message of messages) {
    const typed = message.typedConfig;
    if (typed?.$typeName === `${TYPES}xff.v3.XffConfig`) {
      detectors.push(compileXff(typed as XffConfig, context));
    } else if (typed?.$typeName === `${TYPES}custom_header.v3.CustomHeaderConfig`) {
      detectors.push(compileCustomHeader(typed as CustomHeader));
    }
  }
  return detectors;
}

/** The detector behind `xff_num_trusted_hops` without use_remote_address. */
export function xffDetector(trustedHops: number): OriginalIpDetector {
  return {
    detect(headers) {
      const found = lastForwardedAddress(headers, trustedHops);
      return {
        address: found.address,
        isTrusted: found.isOnly,
        rejectStatus: undefined,
        skipsAppend: true,
      };
    },
  };
}

function compileXff(message: XffConfig, context: CompileContext): OriginalIpDetector {
  const skipsAppend = message.skipXffAppend ?? true;
  const hops = message.xffNumTrustedHops;
  const cidrs = message.xffTrustedCidrs;
  if (cidrs !== undefined && hops > 0) {
    context.problems.error(
      message,
      "xff_trusted_cidrs",
      "Cannot set both xff_num_trusted_hops and xff_trusted_cidrs",
    );
  }
  if (cidrs === undefined) {
    const byHops = xffDetector(hops);
    return { detect: (headers, peer) => ({ ...byHops.detect(headers, peer), skipsAppend }) };
  }
  const trusted = compileCidrSet(cidrs.cidrs, context);
  return {
    detect(headers, peer) {
      const isTrustedPeer = peer.kind === "ip" && trusted.contains(peer.host);
      const address = isTrustedPeer ? lastUntrustedAddress(headers, trusted).address : undefined;
      return { address, isTrusted: false, rejectStatus: undefined, skipsAppend };
    },
  };
}

function compileCustomHeader(message: CustomHeader): OriginalIpDetector {
  const name = message.headerName.toLowerCase();
  const isTrusted = message.allowExtensionToSetAddressAsTrusted;
  const rejectStatus = message.rejectWithStatus === undefined
    ? undefined
    : rejectionStatus(message.rejectWithStatus.code);
  return {
    detect(headers) {
      const address = parseAddress(headers.get(name) ?? "");
      if (address !== undefined) {
        return { address, isTrusted, rejectStatus: undefined, skipsAppend: true };
      }
      return { address: undefined, isTrusted: false, rejectStatus, skipsAppend: true };
    },
  };
}

/** Envoy answers 403 unless an error status is asked for. */
function rejectionStatus(code: number): number {
  return code >= 400 && code < 600 ? code : 403;
}
