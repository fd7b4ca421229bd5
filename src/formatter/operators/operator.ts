/** What each row of the registry is made of. */

import type { ValueProvider } from "../context.ts";
import type { OperatorCall } from "../text.ts";

/** Which of `(argument)` and `:length` an operator takes, in Envoy's words of refusal. */
export type OperatorSyntax =
  | "bare"
  | "bare_with_length"
  | "argument_optional"
  | "argument_optional_with_length"
  | "argument_required"
  | "argument_required_with_length";

/** One operator: its name is what stands between the percent signs. */
export interface Operator {
  readonly name: string;
  readonly syntax: OperatorSyntax;
  /** @returns undefined after a problem was reported */
  compile(call: OperatorCall): ValueProvider | undefined;
}

/** An operator without argument or length. */
export function bare(read: ValueProvider): Pick<Operator, "syntax" | "compile"> {
  return { syntax: "bare", compile: () => read };
}

/** Reports what Envoy refuses about a call. */
export function refuse(call: OperatorCall, text: string): undefined {
  call.context.problems.error(call.place.message, call.place.field, text);
  return undefined;
}

/** Says that an operator is valid, but prints `-` or less than Envoy. */
export function lacking(call: OperatorCall, effect: string): void {
  call.context.problems.unsupported(call.place.message, call.place.field, effect);
}

/** The first `length` bytes of a text. */
export function truncate(text: string, length: number | undefined): string {
  return length === undefined || text.length <= length ? text : text.slice(0, length);
}

/** `value`, or undefined where it is empty. */
export function nonEmpty(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
