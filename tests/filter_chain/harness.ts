/** Filters that do as their script says and write down what they saw. */

import { Dispatcher, SeededRandom } from "../../src/base/mod.ts";
import {
  CompiledFilter,
  type DataStatus,
  type FilterCallbacks,
  type FilterChain,
  type FilterHost,
  FilterManager,
  type HeadersStatus,
  type HttpFilter,
  type LocalReplyDraft,
  type TrailersStatus,
} from "../../src/filter_chain/mod.ts";
import { type HeaderMap, type Protocol, type StreamInfo } from "../../src/http/mod.ts";
import type { PerFilterConfig, Route } from "../../src/route/mod.ts";
import { Runtime } from "../../src/runtime/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { fakeConnection, fakeStreamInfo } from "../support/fakes/stream_info.ts";

/** What one filter answers, hook by hook; a hook that is absent is one the filter lacks. */
export interface FilterScript {
  readonly name: string;
  readonly isDisabled?: boolean;
  readonly decodeHeaders?: (it: FilterCallbacks, endStream: boolean) => HeadersStatus;
  readonly decodeData?: (it: FilterCallbacks, text: string, endStream: boolean) => DataStatus;
  readonly decodeTrailers?: (it: FilterCallbacks) => TrailersStatus;
  readonly encodeHeaders?: (it: FilterCallbacks, endStream: boolean) => HeadersStatus;
  readonly encodeData?: (it: FilterCallbacks, text: string, endStream: boolean) => DataStatus;
  readonly encodeTrailers?: (it: FilterCallbacks) => TrailersStatus;
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** One stream through scripted filters; `log` tells all hooks and what left for the downstream. */
export class ChainHarness implements FilterHost {
  readonly log: string[] = [];
  readonly manager: FilterManager;
  /** By filter name. */
  readonly callbacks = new Map<string, FilterCallbacks>();
  readonly streamInfo: StreamInfo = fakeStreamInfo();
  readonly connection = fakeConnection();
  readonly dispatcher: Dispatcher;
  readonly runtime = new Runtime();
  readonly downstreamProtocol: Protocol = "HTTP/1.1";
  readonly streamId = 1;
  readonly isUpgrade = false;
  readonly passesInterim = true;
  perFilter: Readonly<Record<string, PerFilterConfig>> = {};

  constructor(scripts: readonly FilterScript[], bufferLimitBytes = 0) {
    const clock = new FakeClock();
    this.dispatcher = new Dispatcher({ clock, sleeper: clock, random: new SeededRandom(1) });
    this.manager = new FilterManager(this, bufferLimitBytes);
    this.#chain = {
      filters: scripts.map((script) =>
        new CompiledFilter(script.name, {
          factory: {
            routeType: "route config",
            name: script.name,
            type: script.name,
            compile: () => undefined,
            create: (_config, callbacks) => this.#create(script, callbacks),
          },
          config: undefined,
          isDisabled: script.isDisabled ?? false,
        })
      ),
    };
  }

  readonly #chain: FilterChain;

  get defaultChain(): FilterChain {
    return this.#chain;
  }

  /** Creates the filters and sends the request's head. */
  begin(headers: HeaderMap, endStream: boolean): void {
    this.manager.requestHeaders = headers;
    this.manager.createFilters(this.#chain);
    this.manager.decodeHeaders(headers, endStream);
  }

  data(text: string, endStream: boolean): void {
    this.manager.decodeData(bytesOf(text), endStream);
  }

  at(name: string): FilterCallbacks {
    return this.callbacks.get(name)!;
  }

  /** What happened since the last call. */
  take(): string[] {
    return this.log.splice(0);
  }

  #create(script: FilterScript, callbacks: FilterCallbacks): HttpFilter {
    const { name } = script;
    this.callbacks.set(name, callbacks);
    const note = (text: string): void => void this.log.push(`${name} ${text}`);
    const filter: HttpFilter = {};
    const { decodeHeaders, decodeData, decodeTrailers } = script;
    const { encodeHeaders, encodeData, encodeTrailers } = script;
    if (decodeHeaders !== undefined) {
      filter.decodeHeaders = (_headers, end) => {
        note(`headers${end ? " end" : ""}`);
        return decodeHeaders(callbacks, end);
      };
    }
    if (decodeData !== undefined) {
      filter.decodeData = (bytes, end) => {
        note(`data "${textOf(bytes)}"${end ? " end" : ""}`);
        return decodeData(callbacks, textOf(bytes), end);
      };
    }
    if (decodeTrailers !== undefined) {
      filter.decodeTrailers = () => {
        note("trailers");
        return decodeTrailers(callbacks);
      };
    }
    if (encodeHeaders !== undefined) {
      filter.encodeHeaders = (headers, end) => {
        note(`response ${headers.get(":status")}${end ? " end" : ""}`);
        return encodeHeaders(callbacks, end);
      };
    }
    if (encodeData !== undefined) {
      filter.encodeData = (bytes, end) => {
        note(`response data "${textOf(bytes)}"${end ? " end" : ""}`);
        return encodeData(callbacks, textOf(bytes), end);
      };
    }
    if (encodeTrailers !== undefined) {
      filter.encodeTrailers = () => {
        note("response trailers");
        return encodeTrailers(callbacks);
      };
    }
    return filter;
  }

  route(): Route | undefined {
    return {
      perFilterConfig: (name: string) => this.perFilter[name],
    } as unknown as Route;
  }

  clearRouteCache(): void {}

  sendInterim(headers: HeaderMap): void {
    this.log.push(`-> ${headers.get(":status")}`);
  }

  sendHeaders(headers: HeaderMap, endStream: boolean): void {
    this.log.push(`-> ${headers.get(":status")}${endStream ? " end" : ""}`);
  }

  sendData(bytes: Uint8Array, endStream: boolean): void {
    this.log.push(`-> "${textOf(bytes)}"${endStream ? " end" : ""}`);
  }

  sendTrailers(): void {
    this.log.push("-> trailers");
  }

  resetStream(_reason: string, details: string): void {
    this.log.push(`reset ${details}`);
  }

  readDisable(disable: boolean): void {
    this.log.push(disable ? "pause" : "resume");
  }

  onLocalReply(): void {}
  rewriteLocalReply(_headers: HeaderMap, _draft: LocalReplyDraft): void {}
  onRequestTooLarge(): void {
    this.log.push("request too large");
  }
  onResponseTooLarge(): void {
    this.log.push("response too large");
  }
  recreateStream(): boolean {
    return false;
  }
  setIdleTimeout(): void {}
}
