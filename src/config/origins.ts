/** Remembers where each message and field of a decoded tree was written. */

import type { SourceText } from "./source_text.ts";
import { fieldPlace, itemPlace, type Place, placeText } from "./place.ts";
import type { ConfigNode } from "./tree.ts";

/** One field as written. */
export interface FieldOrigin {
  /** Proto name. */
  readonly name: string;
  readonly source: SourceText;
  readonly node: ConfigNode;
  /** Where its key stands: what a null or an empty list is pointed at. */
  readonly keyOffset: number;
}

/** One message as written. */
export interface Origin {
  readonly source: SourceText;
  readonly offset: number;
  readonly place: Place | undefined;
  /** The last of a name counts. A list, as a map a message would double what a large file takes. */
  readonly fields: FieldOrigin[];
  /** Fields whose text was refused: later checks stay silent about them. */
  refused: Set<string> | undefined;
}

/** A spot to point at. */
export interface Spot {
  readonly source: SourceText;
  readonly offset: number;
  readonly path: string;
}

const FIELD = /^([a-z0-9_]+)(?:\[(\d+)\]|\["(.*)"\])?$/i;

/** Origins of all messages of one decoded tree, by identity. */
export class Origins {
  /** Not weak: each entry of a weak map costs every collection while a large file is read. */
  #byMessage = new Map<object, Origin>();

  set(message: object, origin: Origin): void {
    this.#byMessage.set(message, origin);
  }

  get(message: object): Origin | undefined {
    return this.#byMessage.get(message);
  }

  /** Forgets all places, and with them the text and its tree. */
  release(): void {
    this.#byMessage = new Map();
  }

  /** Whether the text of this field (an index may follow its name) was refused already. */
  isRefused(message: object, field: string): boolean {
    const refused = this.#byMessage.get(message)?.refused;
    return refused !== undefined && refused.has(FIELD.exec(field)?.[1] ?? field);
  }

  /**
   * The spot of `field` of a message: a proto name, with an index or key where it is a list or map,
   * or "" for the message. A field that is not written is pointed at by its message.
   */
  spot(message: object, field: string): Spot | undefined {
    const origin = this.#byMessage.get(message);
    if (origin === undefined) return undefined;
    const { source, offset } = origin;
    if (field === "") return { source, offset, path: placeText(origin.place) };
    const [, name = field, index, key] = FIELD.exec(field) ?? [];
    let place = fieldPlace(origin.place, name);
    const item = index === undefined ? key : Number(index);
    if (item !== undefined) place = itemPlace(place, item);
    const written = origin.fields.findLast((field) => field.name === name);
    const path = placeText(place);
    if (written === undefined) return { source, offset, path };
    return { source: written.source, offset: offsetWithin(written, item), path };
  }
}

function offsetWithin(field: FieldOrigin, item: number | string | undefined): number {
  const { node } = field;
  if (typeof item === "number" && node.kind === "list") {
    return node.items[item]?.offset ?? node.offset;
  }
  if (typeof item === "string" && node.kind === "map") {
    return node.entries.find((entry) => entry.key.text === item)?.key.offset ?? node.offset;
  }
  return node.kind === "scalar" && node.text === "" ? field.keyOffset : node.offset;
}
