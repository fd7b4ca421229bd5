// Types only, so that a worker which names a message never loads the descriptors. The values
// (descriptors, known types) come by `registry.ts`, for main-thread rooms.
export type * from "./gen/types.ts";
