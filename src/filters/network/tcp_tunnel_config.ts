/** How a TCP connection is carried by an HTTP request to its upstream, compiled. */

import {
  compileFormat,
  compileHeaderMutations,
  type Formatter,
  type HeaderChanges,
  streamFormatContext,
} from "../../formatter/mod.ts";
import { type FilterStateObject, H, HeaderMap, type StreamInfo } from "../../http/mod.ts";
import type {
  envoy_extensions_filters_network_tcp_proxy_v3_TcpProxy_TunnelingConfig as Message,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";

/** Filter state that switches tunnelling off for a connection, by the text `true`. */
export const DISABLE_TUNNELING = "envoy.tcp_proxy.disable_tunneling";
const RESPONSE_HEADERS = "envoy.tcp_proxy.propagate_response_headers";
const RESPONSE_TRAILERS = "envoy.tcp_proxy.propagate_response_trailers";

export interface TunnelConfig {
  readonly hostname: Formatter;
  readonly usesPost: boolean;
  readonly postPath: string;
  readonly headers: HeaderChanges;
  readonly keepsHeaders: boolean;
  readonly keepsTrailers: boolean;
}

/** One TunnelingConfig compiled; undefined where there is none. */
export function compileTunnel(
  message: Message | undefined,
  context: CompileContext,
): TunnelConfig | undefined {
  if (message === undefined) return undefined;
  if (message.postPath !== "" && !message.usePost) {
    const text = "Can't set a post path when POST method isn't used";
    context.problems.error(message, "post_path", text);
  }
  return {
    hostname: compileFormat(message.hostname, context, { message, field: "hostname" }),
    usesPost: message.usePost,
    postPath: message.postPath === "" ? "/" : message.postPath,
    headers: compileHeaderMutations({ add: message.headersToAdd, message }, context),
    keepsHeaders: message.propagateResponseHeaders,
    keepsTrailers: message.propagateResponseTrailers,
  };
}

/** The request that opens the tunnel: CONNECT, or POST where it is asked for. */
export function tunnelRequest(
  config: TunnelConfig,
  info: StreamInfo,
  isTls: boolean,
): HeaderMap {
  const headers = new HeaderMap();
  const context = streamFormatContext(info, headers);
  headers.addId(H.method, config.usesPost ? "POST" : "CONNECT");
  headers.addId(H.authority, config.hostname.format(context));
  if (config.usesPost) {
    headers.addId(H.path, config.postPath);
    headers.addId(H.scheme, isTls ? "https" : "http");
  }
  config.headers.apply(headers, context);
  return headers;
}

/** Puts the response's headers or trailers where access logs find them. */
export function keepHeaders(
  info: StreamInfo,
  headers: HeaderMap,
  kind: "headers" | "trailers",
): void {
  const key = kind === "headers" ? RESPONSE_HEADERS : RESPONSE_TRAILERS;
  info.setStateObject(key, new KeptHeaders(headers, kind));
}

/** Only TYPED prints it, as Envoy's protobuf does. */
class KeptHeaders implements FilterStateObject {
  readonly #headers: HeaderMap;
  readonly #kind: "headers" | "trailers";

  constructor(headers: HeaderMap, kind: "headers" | "trailers") {
    this.#headers = headers;
    this.#kind = kind;
  }

  serialize(): undefined {
    return undefined;
  }

  json(): unknown {
    const list: { readonly key: string; readonly value: string }[] = [];
    for (let i = 0; i < this.#headers.length; i++) {
      list.push({ key: this.#headers.nameAt(i), value: this.#headers.valueAt(i) });
    }
    return { [this.#kind]: list };
  }
}
