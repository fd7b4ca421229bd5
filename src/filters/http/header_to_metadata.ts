/** Copies headers and cookies into dynamic metadata, where subsets, logs and later filters find them. */

import type {
  FilterCallbacks,
  HeadersStatus,
  HttpFilter,
  HttpFilterFactory,
} from "../../filter_chain/mod.ts";
import type { HeaderMap } from "../../http/mod.ts";
import type {
  envoy_extensions_filters_http_header_to_metadata_v3_Config as Message,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { type StatGroup, statTemplate } from "../../stats/mod.ts";
import {
  compileMetadataRules,
  type MetadataRule,
  type MetadataTarget,
} from "./header_to_metadata_rules.ts";
import { decodeBase64, metadataText, parseNumber, parseValue } from "./metadata_value.ts";

/** Bytes; a longer value is left out. */
const MAX_VALUE_BYTES = 8 * 1024 - 1;

const STATS = statTemplate(
  "base64_decode_failed header_value_too_long regex_substitution_failed request_header_not_found request_metadata_added request_rules_processed response_header_not_found response_metadata_added response_rules_processed",
);
const STAT = { badBase64: 0, tooLong: 1, regexFailed: 2 } as const;

/** Where the counters of one direction begin: not found, added, processed. */
const REQUEST_STATS = 3;
const RESPONSE_STATS = 6;
const NOT_FOUND = 0;
const ADDED = 1;
const PROCESSED = 2;

interface Config {
  readonly request: readonly MetadataRule[];
  readonly response: readonly MetadataRule[];
  /** undefined without a `stat_prefix`. */
  readonly stats: StatGroup | undefined;
}

class HeaderToMetadata implements HttpFilter {
  readonly #config: Config;
  readonly #callbacks: FilterCallbacks;
  /** The route's configuration takes the place of the chain's. */
  #effective: Config | undefined = undefined;

  constructor(config: Config, callbacks: FilterCallbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
  }

  decodeHeaders(headers: HeaderMap): HeadersStatus {
    const { request, stats } = this.#configNow();
    const counts = new Counts(stats, REQUEST_STATS);
    for (let i = 0; i < request.length; i++) this.#run(request[i]!, headers, counts);
    return "continue";
  }

  encodeHeaders(headers: HeaderMap): HeadersStatus {
    const { response, stats } = this.#configNow();
    const counts = new Counts(stats, RESPONSE_STATS);
    for (let i = 0; i < response.length; i++) this.#run(response[i]!, headers, counts);
    return "continue";
  }

  #configNow(): Config {
    return this.#effective ??= this.#callbacks.routeConfig<Config>() ?? this.#config;
  }

  #run(rule: MetadataRule, headers: HeaderMap, counts: Counts): void {
    counts.rule(PROCESSED);
    const found = rule.read(headers);
    if (found !== undefined && rule.removes !== undefined) headers.remove(rule.removes);
    const target = found === undefined ? rule.onMissing : rule.onPresent;
    if (target === undefined) return;
    if (found === undefined) counts.rule(NOT_FOUND);
    const text = target.change(found ?? "");
    if (text === "") {
      if (target.rewrites && found !== "") counts.value(STAT.regexFailed);
      return;
    }
    const value = convert(text, target, counts);
    if (value === undefined) return;
    this.#callbacks.streamInfo.setDynamicMetadata(target.namespace, target.key, value);
    counts.rule(ADDED);
  }
}

/** The counters of one direction; does nothing without a `stat_prefix`. */
class Counts {
  readonly #stats: StatGroup | undefined;
  readonly #first: number;

  constructor(stats: StatGroup | undefined, first: number) {
    this.#stats = stats;
    this.#first = first;
  }

  rule(offset: number): void {
    this.#stats?.inc(this.#first + offset);
  }

  value(index: number): void {
    this.#stats?.inc(index);
  }
}

/** A binary string as the value that the rule asks for; undefined if it is none of its kind. */
function convert(text: string, target: MetadataTarget, counts: Counts): unknown {
  if (text.length > MAX_VALUE_BYTES) {
    counts.value(STAT.tooLong);
    return undefined;
  }
  let value = text;
  if (target.isBase64) {
    const decoded = decodeBase64(text);
    if (decoded === undefined) {
      counts.value(STAT.badBase64);
      return undefined;
    }
    value = decoded;
  }
  switch (target.type) {
    case "string":
      return metadataText(value);
    case "number":
      return parseNumber(value);
    case "protobuf":
      return parseValue(value);
  }
}

function compile(message: Message, context: CompileContext): Config {
  const prefix = message.statPrefix;
  return {
    request: compileMetadataRules(message.requestRules, context),
    response: compileMetadataRules(message.responseRules, context),
    stats: prefix === ""
      ? undefined
      : context.scope.scope("http_filter_name").scope(prefix).group(STATS),
  };
}

function compileRoute(message: Message, context: CompileContext): Config {
  if (message.requestRules.length === 0 && message.responseRules.length === 0) {
    const text =
      "header_to_metadata_filter: Per filter configs must at least specify either request or response rules";
    context.problems.error(message, "", text);
  }
  return compile(message, context);
}

export const headerToMetadataFactory: HttpFilterFactory<Config, Config> = {
  name: "envoy.filters.http.header_to_metadata",
  type: "envoy.extensions.filters.http.header_to_metadata.v3.Config",
  routeType: "envoy.extensions.filters.http.header_to_metadata.v3.Config",
  compile: (message, context) => compile(message as Message, context),
  compileRoute: (message, context) => compileRoute(message as Message, context),
  create: (config, callbacks) => new HeaderToMetadata(config, callbacks),
};
