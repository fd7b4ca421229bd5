/** Takes the PROXY header off a connection's beginning: the addresses in it are the connection's from then on. */

import type {
  AcceptedSocket,
  ListenerFilter,
  ListenerFilterFactory,
  ListenerFilterStatus,
} from "../../filter_chain/mod.ts";
import {
  parseProxyHeader,
  PROXY_PROTOCOL_STATE,
  type ProxyHeader,
  ProxyProtocolState,
  type ProxyTlv,
} from "../../net/mod.ts";
import type { envoy_extensions_filters_listener_proxy_protocol_v3_ProxyProtocol } from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { type Counter, type StatGroup, statTemplate } from "../../stats/mod.ts";

type Message = envoy_extensions_filters_listener_proxy_protocol_v3_ProxyProtocol;

const FOUND_TEMPLATE = statTemplate("not_found_allowed not_found_disallowed");
const NOT_FOUND_ALLOWED = 0;
const NOT_FOUND_DISALLOWED = 1;
const VERSION_TEMPLATE = statTemplate("found disallowed error");
const FOUND = 0;
const DISALLOWED = 1;
const ERROR = 2;

/** Where TLVs go unless a rule names another namespace. */
const METADATA_NAMESPACE = "envoy.filters.listener.proxy_protocol";

interface Rule {
  readonly namespace: string;
  readonly key: string;
}

interface Config {
  readonly found: StatGroup;
  /** By version; index 0 is unused. */
  readonly versions: readonly [undefined, StatGroup, StatGroup];
  readonly errors: Counter;
  readonly isOptional: boolean;
  readonly disallowed: ReadonlySet<number>;
  readonly rules: ReadonlyMap<number, Rule>;
  passes(tlv: ProxyTlv): boolean;
}

class ProxyProtocol implements ListenerFilter {
  consumedBytes = 0;
  readonly #config: Config;
  readonly #socket: AcceptedSocket;

  constructor(config: Config, socket: AcceptedSocket) {
    this.#config = config;
    this.#socket = socket;
  }

  onAccept(): ListenerFilterStatus {
    return "more";
  }

  onData(bytes: Uint8Array): ListenerFilterStatus {
    const config = this.#config;
    const parsed = parseProxyHeader(bytes);
    switch (parsed.state) {
      case "more":
        return "more";
      case "none":
        if (config.isOptional) {
          config.found.inc(NOT_FOUND_ALLOWED);
          return "continue";
        }
        config.found.inc(NOT_FOUND_DISALLOWED);
        return this.#refuse();
      case "error":
        config.versions[parsed.version].inc(ERROR);
        return this.#refuse();
      case "done":
        return this.#accept(parsed.header);
    }
  }

  #accept(header: ProxyHeader): ListenerFilterStatus {
    const { versions, disallowed } = this.#config;
    const stats = versions[header.version];
    stats.inc(FOUND);
    if (disallowed.has(header.version)) {
      stats.inc(DISALLOWED);
      return this.#refuse();
    }
    this.consumedBytes = header.size;
    const socket = this.#socket;
    if (header.source !== undefined) socket.remoteAddress = header.source;
    if (header.destination !== undefined) socket.localAddress = header.destination;
    this.#keep(header);
    return "continue";
  }

  /** Puts TLVs where rules and the upstream's own header look for them. */
  #keep(header: ProxyHeader): void {
    const { rules, passes } = this.#config;
    const { streamInfo, remoteAddress, localAddress } = this.#socket;
    for (const tlv of header.tlvs) {
      const rule = rules.get(tlv.type);
      if (rule === undefined) continue;
      const value = new TextDecoder().decode(tlv.value);
      streamInfo.setDynamicMetadata(rule.namespace, rule.key, value);
    }
    const addresses = { source: remoteAddress, destination: localAddress };
    const state = new ProxyProtocolState(header.version, addresses, header.tlvs.filter(passes));
    streamInfo.setStateObject(PROXY_PROTOCOL_STATE, state);
  }

  #refuse(): ListenerFilterStatus {
    this.#config.errors.inc();
    return "close";
  }
}

function compileRules(message: Message, context: CompileContext): Map<number, Rule> {
  const rules = new Map<number, Rule>();
  for (const rule of message.rules) {
    const target = rule.onTlvPresent;
    if (target === undefined) continue;
    if (target.valueStringEncoding !== 0) {
      const effect = "the value is put down as UTF-8 text";
      context.problems.unsupported(target, "value_string_encoding", effect);
    }
    rules.set(rule.tlvType, {
      namespace: target.metadataNamespace === "" ? METADATA_NAMESPACE : target.metadataNamespace,
      key: target.key,
    });
  }
  if (message.tlvLocation !== 0 && rules.size > 0) {
    const effect = "TLVs are put into dynamic metadata";
    context.problems.unsupported(message, "tlv_location", effect);
  }
  return rules;
}

function compilePassThrough(message: Message): Config["passes"] {
  const pass = message.passThroughTlvs;
  if (pass === undefined) return () => false;
  // INCLUDE_ALL is 0, INCLUDE 1.
  if (pass.matchType === 0) return () => true;
  const types = new Set(pass.tlvType);
  return (tlv) => types.has(tlv.type);
}

export const proxyProtocol: ListenerFilterFactory<Config> = {
  name: "envoy.filters.listener.proxy_protocol",
  type: "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
  compile(message, context, listener) {
    const config = message as Message;
    let scope = context.scope.scope("proxy_proto");
    if (config.statPrefix !== "") scope = scope.scope(config.statPrefix);
    const versions = scope.scope("versions");
    return {
      found: scope.group(FOUND_TEMPLATE),
      versions: [
        undefined,
        versions.scope("v1").group(VERSION_TEMPLATE),
        versions.scope("v2").group(VERSION_TEMPLATE),
      ],
      errors: listener.scope.counter("downstream_cx_proxy_proto_error"),
      isOptional: config.allowRequestsWithoutProxyProtocol,
      // V1 is 0 in the message, V2 is 1.
      disallowed: new Set(config.disallowedVersions.map((version) => version + 1)),
      rules: compileRules(config, context),
      passes: compilePassThrough(config),
    };
  },
  create: (config, socket) => new ProxyProtocol(config, socket),
};
