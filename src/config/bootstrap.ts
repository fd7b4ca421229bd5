/** A bootstrap file → its messages, judged as `envoy --mode validate` judges it. */

import type { Registry } from "../proto/registry.ts";
import { type ConfigProblem, type Problems } from "../base/mod.ts";
import type { envoy_config_bootstrap_v3_Bootstrap } from "../proto/mod.ts";
import { type ConfigText, Decoder } from "./decoder.ts";
import { checkSemantics } from "./semantics/semantics.ts";
import { reportUnsupported } from "./support/report.ts";

/** A bootstrap as its rooms compile it. */
export interface DecodedBootstrap {
  /** Plain and structured-clonable; every Any is the message in it. */
  readonly bootstrap: envoy_config_bootstrap_v3_Bootstrap;
  /** All problems so far, in the order of the text; later ones come by `problemsFor`. */
  readonly problems: readonly ConfigProblem[];
  /** The decoder it was read with, its look-ups and rules filled. */
  readonly decoder: Decoder;
  /** The sink of compile steps: message and field become a position. */
  problemsFor(): Problems;
  /**
   * Forgets where things stand, once all compile steps are done: what is still held of the text and
   * its tree goes, and a later problem has no position.
   */
  release(): void;
}

/** What `decodeBootstrap` may be told besides the text. */
export interface BootstrapOptions {
  /** The text of `--config-yaml`, merged over the file. */
  readonly configYaml?: string;
}

const TYPE = "envoy.config.bootstrap.v3.Bootstrap";

/** Reads a bootstrap; `text` is "" where there is only `--config-yaml`. */
export function decodeBootstrap(
  text: string,
  file: string,
  registry: Registry,
  options: BootstrapOptions = {},
): DecodedBootstrap {
  const decoder = new Decoder(registry);
  const texts: ConfigText[] = [];
  if (file !== "") texts.push({ text, file });
  if (options.configYaml !== undefined) {
    texts.push({ text: options.configYaml, file: "--config-yaml", format: "yaml" });
  }
  const decoded = decoder.decode(texts, TYPE);
  const bootstrap = decoded.message as unknown as envoy_config_bootstrap_v3_Bootstrap;
  checkSemantics(bootstrap, decoder, decoded.sink());
  reportUnsupported(decoded.message, decoder, decoded.sink());
  return {
    bootstrap,
    decoder,
    get problems() {
      return decoded.allProblems();
    },
    problemsFor: () => decoded.sink(),
    release: () => decoded.release(),
  };
}
