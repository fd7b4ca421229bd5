// Response flags print in the order they were set: `URX,UF` over HTTP, `UF,URX` over TCP.
import { appendFlag, FLAG, formatFlags } from "../../src/http/mod.ts";
import { assertEquals } from "../support/assert.ts";

const ROWS: readonly { name: string; set: readonly number[]; short: string; long: string }[] = [
  { name: "none", set: [], short: "-", long: "-" },
  { name: "the lowest bit", set: [1], short: "LH", long: "FailedLocalHealthCheck" },
  {
    name: "the lowest bit last",
    set: [FLAG.upstreamOverflow, 1],
    short: "UO,LH",
    long: "UpstreamOverflow,FailedLocalHealthCheck",
  },
  {
    name: "a connection that failed after its last retry",
    set: [FLAG.upstreamRetryLimitExceeded, FLAG.upstreamConnectionFailure],
    short: "URX,UF",
    long: "UpstreamRetryLimitExceeded,UpstreamConnectionFailure",
  },
  {
    name: "retries that ran out after a failure",
    set: [FLAG.upstreamConnectionFailure, FLAG.upstreamRetryLimitExceeded],
    short: "UF,URX",
    long: "UpstreamConnectionFailure,UpstreamRetryLimitExceeded",
  },
];
for (const row of ROWS) {
  Deno.test(`formatFlags: ${row.name}`, () => {
    let flags = 0;
    let flagOrder = 0;
    for (const flag of row.set) {
      flags |= flag;
      flagOrder = appendFlag(flagOrder, flag);
    }
    assertEquals(formatFlags({ flags, flagOrder }, 0), row.short);
    assertEquals(formatFlags({ flags, flagOrder }, 1), row.long);
  });
}
