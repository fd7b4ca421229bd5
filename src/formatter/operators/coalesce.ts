/** %COALESCE({"operators": […]}):length%: the first of several operators that has a value. */

import type { ValueProvider } from "../context.ts";
import type { OperatorCall } from "../text.ts";
import { refuse, truncate } from "./operator.ts";

type CompileOperator = (call: OperatorCall) => ValueProvider | undefined;

interface Choice {
  readonly command: string;
  readonly param: string;
  readonly maxLength: number | undefined;
}

/** The registry hands its own look-up in, so that this file need not import it. */
export function compileCoalesce(
  call: OperatorCall,
  compile: CompileOperator,
): ValueProvider | undefined {
  const choices = parseChoices(call.argument);
  if (typeof choices === "string") return refuse(call, `${call.name}: ${choices}`);
  const providers: ValueProvider[] = [];
  for (const choice of choices) {
    const provider = compile({
      ...call,
      name: choice.command,
      argument: choice.param,
      maxLength: choice.maxLength,
    });
    if (provider !== undefined) providers.push(provider);
  }
  return (context) => {
    for (let i = 0; i < providers.length; i++) {
      const value = providers[i]!(context);
      if (value === undefined || value === null || value === "") continue;
      return typeof value === "string" ? truncate(value, call.maxLength) : value;
    }
    return undefined;
  };
}

/** @returns what is wrong, as a text */
function parseChoices(text: string): readonly Choice[] | string {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    return "failed to parse JSON configuration: JSON supplied is not valid";
  }
  const operators = field(config, "operators");
  if (!Array.isArray(operators)) return "missing or invalid 'operators' array";
  if (operators.length === 0) return "'operators' array must not be empty";
  const choices: Choice[] = [];
  for (const operator of operators) {
    const command = typeof operator === "string" ? operator : field(operator, "command");
    if (typeof command !== "string") return "each operator needs a 'command'";
    const param = field(operator, "param");
    const maxLength = field(operator, "max_length");
    choices.push({
      command,
      param: typeof param === "string" ? param : "",
      maxLength: typeof maxLength === "number" ? maxLength : undefined,
    });
  }
  return choices;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as { [key: string]: unknown })[name];
}
