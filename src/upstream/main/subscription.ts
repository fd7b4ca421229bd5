/** What a cluster asks of discovery; the server hands in who answers. */

import type { Problems } from "../../base/mod.ts";
import type { AnyMessage } from "../../proto/mod.ts";

/** A file of resources. */
export interface ResourceSource {
  readonly path: string;
  readonly watchedDirectory: string | undefined;
  readonly seesWrites: boolean;
}

/** Resources as they came. */
export interface Resources {
  readonly version: string;
  readonly resources: readonly AnyMessage[];
  /** What compiling them finds wrong is told here. */
  readonly problems: Problems;
  /** Whether what was told refuses them. */
  hasErrors(): boolean;
}

/** Told of each update, one of the last three after each attempt. */
export interface ResourceEvents {
  onAttempt(): void;
  /** The answer could not be read. */
  onFailure(): void;
  /** It was read, and is against the rules of the API. */
  onRejected(): void;
  /** @returns why the resources are not taken; undefined: they are, or their problems tell */
  onResources(resources: Resources): string | undefined;
}

/** Runs from `start` to `stop`. */
export interface Subscription {
  start(): void;
  stop(): void;
}

/** Subscribes to a source. */
export type Subscriber = (source: ResourceSource, events: ResourceEvents) => Subscription;
