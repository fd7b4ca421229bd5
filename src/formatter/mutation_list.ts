/** Ordered header changes (envoy.config.common.mutation_rules.v3.HeaderMutation), each in its turn. */

import type { BaseCompileContext } from "../base/mod.ts";
import { headerId, type HeaderMap } from "../http/mod.ts";
import { compileStringMatcher, headerName } from "../matching/mod.ts";
import type { envoy_config_common_mutation_rules_v3_HeaderMutation as Mutation } from "../proto/mod.ts";
import type { FormatContext } from "./context.ts";
import { applyAddition, compileAddition, type HeaderAddition } from "./header_addition.ts";
import type { HeaderChanges } from "./header_mutation.ts";

/** One compiled change. */
type Step =
  | { readonly kind: "add"; readonly addition: HeaderAddition }
  /** `id` is 0 where the name is not well known. */
  | { readonly kind: "remove"; readonly id: number; readonly name: string }
  | { readonly kind: "remove_matching"; readonly drops: (id: number, name: string) => boolean };

const NO_CHANGES: HeaderChanges = { isEmpty: true, apply() {} };

/**
 * Compiles a list whose changes apply in its order. Unlike the lists of routes it may remove
 * pseudo-headers; that a request lacks one it needs, the router tells.
 * @param extensions operators of `formatters` extensions that values may use
 */
export function compileMutationList(
  messages: readonly Mutation[],
  context: BaseCompileContext,
  extensions?: ReadonlySet<string>,
): HeaderChanges {
  const steps: Step[] = [];
  for (const message of messages) {
    const step = compileStep(message, context, extensions);
    if (step !== undefined) steps.push(step);
  }
  if (steps.length === 0) return NO_CHANGES;
  return {
    isEmpty: false,
    apply(headers, values) {
      for (let i = 0; i < steps.length; i++) applyStep(steps[i]!, headers, values);
    },
  };
}

function compileStep(
  message: Mutation,
  context: BaseCompileContext,
  extensions: ReadonlySet<string> | undefined,
): Step | undefined {
  const { action } = message;
  switch (action.case) {
    case "append": {
      const addition = compileAddition(action.value, context, extensions);
      return addition === undefined ? undefined : { kind: "add", addition };
    }
    case "remove": {
      const name = headerName(action.value);
      return { kind: "remove", id: headerId(name), name };
    }
    case "removeOnMatch": {
      const { keyMatcher } = action.value;
      if (keyMatcher === undefined) {
        context.problems.error(action.value, "key_matcher", "value is required");
        return undefined;
      }
      const matcher = compileStringMatcher(keyMatcher, context);
      return { kind: "remove_matching", drops: (_id, name) => matcher.matches(name) };
    }
    case undefined:
      context.problems.error(message, "action", "value is required");
      return undefined;
  }
}

function applyStep(step: Step, headers: HeaderMap, values: FormatContext): void {
  switch (step.kind) {
    case "add":
      applyAddition(headers, step.addition, values);
      break;
    case "remove":
      if (step.id !== 0) headers.removeId(step.id);
      else headers.remove(step.name);
      break;
    case "remove_matching":
      headers.removeWhere(step.drops);
      break;
  }
}
