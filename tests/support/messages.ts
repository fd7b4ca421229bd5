/** Messages for tests, decoded from plain objects by the real decoder. */

import type { ConfigProblem, Problems } from "../../src/base/mod.ts";
import { Decoder } from "../../src/config/mod.ts";
import { loadRegistry } from "../../src/proto/registry.ts";

let decoder: Decoder | undefined;

/** A decoded message and where its problems go. */
export interface TestMessage<Message> {
  readonly message: Message;
  readonly sink: Problems;
  problems(): readonly ConfigProblem[];
}

/** Decodes `value` (proto field names, as in a YAML file) as the message type `typeName`. */
export async function decodeMessage<Message>(
  typeName: string,
  value: object,
): Promise<TestMessage<Message>> {
  decoder ??= new Decoder(await loadRegistry());
  const text = JSON.stringify(value);
  const decoded = decoder.decode([{ text, file: "test.json", format: "json" }], typeName);
  return {
    message: decoded.message as unknown as Message,
    sink: decoded.sink(),
    problems: () => decoded.allProblems(),
  };
}
