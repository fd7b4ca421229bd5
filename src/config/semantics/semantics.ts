import type { Problems } from "../../base/mod.ts";
import type { envoy_config_bootstrap_v3_Bootstrap } from "../../proto/mod.ts";
import type { Decoder } from "../decoder.ts";
export function checkSemantics(
  _b: envoy_config_bootstrap_v3_Bootstrap,
  _d: Decoder,
  _p: Problems,
): void {}
