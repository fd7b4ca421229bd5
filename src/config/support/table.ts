/**
 * The shape of the support tables. What stands in no table is not acted on: a field is reported
 * with what its row says of it, or plainly, and a message without a row by its extension category.
 */

/** What a missing field means to the operator, or to traffic. */
export type Effect = string;

/** One message type. */
export interface MessageSupport {
  /** Names of the fields acted on, set apart by spaces; `*` for all that Envoy 1.40 has. */
  readonly acted: string;
  /** Fields whose absence only lacks an effect: serving goes on with a warning. */
  readonly missing?: Readonly<Record<string, Effect>>;
  /** Fields whose absence would change routing or security: serving is refused. */
  readonly refused?: Readonly<Record<string, Effect>>;
  /** Enum values of acted fields that are not acted on. */
  readonly missingValues?: Readonly<Record<string, Readonly<Record<number, Effect>>>>;
  readonly refusedValues?: Readonly<Record<string, Readonly<Record<number, Effect>>>>;
}

/** Rows by full message name. */
export type SupportTable = Readonly<Record<string, MessageSupport>>;

/** A row for a message all of whose fields are acted on. */
export const ALL: MessageSupport = { acted: "*" };
