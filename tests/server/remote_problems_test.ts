/** Problems found on a worker come out on main at the same place of the same configuration. */

import type { Problems } from "../../src/base/mod.ts";
import { ProblemRecorder, replayProblems } from "../../src/server/remote_problems.ts";
import { assertEquals } from "../support/assert.ts";

interface Call {
  readonly kind: string;
  readonly message: object;
  readonly rest: readonly unknown[];
}

/** Keeps every call, with the very message it was made for. */
function recordingProblems(): Problems & { readonly calls: Call[] } {
  const calls: Call[] = [];
  const keep = (kind: string) => (message: object, ...rest: unknown[]): void => {
    calls.push({ kind, message, rest: rest.filter((value) => value !== undefined) });
  };
  return { calls, error: keep("error"), unsupported: keep("unsupported"), warn: keep("warn") };
}

const tree = () => ({
  listeners: [{ name: "a" }, { name: "b", chain: { filters: [{ name: "hcm" }] } }],
  bytes: new Uint8Array(3),
});

const ROWS = [
  { name: "the root", find: (root: ReturnType<typeof tree>): object => root },
  { name: "an item of a list", find: (root: ReturnType<typeof tree>) => root.listeners[0]! },
  {
    name: "a message deep in the tree",
    find: (root: ReturnType<typeof tree>) => root.listeners[1]!.chain!.filters[0]!,
  },
] as const;

for (const { name, find } of ROWS) {
  Deno.test(`A worker's problems reach main at ${name}`, () => {
    const ours = tree();
    const theirs = structuredClone(ours);
    const recorder = new ProblemRecorder(theirs);
    recorder.error(find(theirs), "field", "is wrong", "try another");
    recorder.unsupported(find(theirs), "other", "does nothing", true);
    recorder.warn(find(theirs), "third", "is old");
    const sink = recordingProblems();
    replayProblems(structuredClone(recorder.problems), ours, sink);
    assertEquals(sink.calls.map(({ kind, rest }) => [kind, ...rest]), [
      ["error", "field", "is wrong", "try another"],
      ["unsupported", "other", "does nothing", true],
      ["warn", "third", "is old"],
    ]);
    for (const { message } of sink.calls) assertEquals(message === find(ours), true);
  });
}

Deno.test("A problem of a message outside the tree is told of the root", () => {
  const ours = tree();
  const recorder = new ProblemRecorder(structuredClone(ours));
  recorder.error({ made: "up" }, "field", "is wrong");
  const sink = recordingProblems();
  replayProblems(recorder.problems, ours, sink);
  assertEquals(sink.calls[0]!.message === ours, true);
});

Deno.test("Without problems nothing is told", () => {
  const sink = recordingProblems();
  replayProblems([], {}, sink);
  assertEquals(sink.calls, []);
});
