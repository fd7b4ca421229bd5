/** Envoy's commands that denvoy knows and cannot do: they say so instead of pretending. */

import { type AdminEndpoint, TEXT } from "../endpoint.ts";

function unsupported(
  path: string,
  help: string,
  mutates: boolean,
  params?: string[],
): AdminEndpoint {
  return {
    path,
    help,
    mutates,
    ...(params === undefined ? {} : { params }),
    handle: () => ({
      status: 501,
      contentType: TEXT,
      body: `${path.slice(1)} is not supported by denvoy\n`,
    }),
  };
}

export const UNSUPPORTED: readonly AdminEndpoint[] = [
  unsupported("/allocprofiler", "enable/disable the allocation profiler (if supported)", true, [
    "enable: enable/disable the allocation profiler; One of (y, n)",
  ]),
  unsupported("/cpuprofiler", "enable/disable the CPU profiler", true, [
    "enable: enables the CPU profiler; One of (y, n)",
  ]),
  unsupported("/heap_dump", "dump current Envoy heap (if supported)", false),
  unsupported("/heapprofiler", "enable/disable the heap profiler", true, [
    "enable: enable/disable the heap profiler; One of (y, n)",
  ]),
  unsupported("/memory/tcmalloc", "print TCMalloc stats", false),
  unsupported("/peak_heap_dump", "dump peak Envoy heap (if supported)", false),
  unsupported("/stats/recentlookups", "Show recent stat-name lookups", false),
  unsupported("/stats/recentlookups/clear", "clear list of stat-name lookups and counter", true),
  unsupported(
    "/stats/recentlookups/disable",
    "disable recording of reset stat-name lookup names",
    true,
  ),
  unsupported(
    "/stats/recentlookups/enable",
    "enable recording of reset stat-name lookup names",
    true,
  ),
];
