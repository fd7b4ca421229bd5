/**
 * The descriptor set as the protobuf runtime reads it: whole. For the generators, and for tests as
 * the twin of `registry.ts`; the proxy itself never loads it.
 */

import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** Every type of the committed set. */
export function loadFileRegistry(): FileRegistry {
  const bytes = Deno.readFileSync(new URL("envoy.binpb", import.meta.url));
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
}
