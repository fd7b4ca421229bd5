export * from "./bootstrap.ts";
export {
  type ConfigText,
  type Decoded,
  Decoder,
  formatOf,
  sizeProblem,
  type TextFormat,
} from "./decoder.ts";
export { decodeDiscoveryFile, type DecodedResponse } from "./discovery_file.ts";
export { Dumper, type JsonValue, LazyDumper, makeDumpJson } from "./dump.ts";
export { ProblemList } from "./problem_list.ts";
export type { PlainMessage } from "./well_known_values.ts";
export { reportUnsupported } from "./support/report.ts";
