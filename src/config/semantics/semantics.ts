/** What Envoy checks at load beyond single messages, over a whole bootstrap. */

import type { Problems } from "../../base/mod.ts";
import type { envoy_config_bootstrap_v3_Bootstrap } from "../../proto/mod.ts";
import type { Decoder } from "../decoder.ts";
import type { PlainMessage } from "../well_known_values.ts";
import { checkExtensions } from "./extensions.ts";

/** Reports every fault. */
export function checkSemantics(
  bootstrap: envoy_config_bootstrap_v3_Bootstrap,
  decoder: Decoder,
  problems: Problems,
): void {
  checkExtensions(bootstrap as unknown as PlainMessage, decoder, problems);
}
