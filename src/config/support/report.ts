import type { Problems } from "../../base/mod.ts";
import type { Decoder } from "../decoder.ts";
import type { PlainMessage } from "../well_known_values.ts";
export function reportUnsupported(_m: PlainMessage, _d: Decoder, _p: Problems): void {}
