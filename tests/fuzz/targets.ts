/** The fuzz targets: one for each entry that eats a peer's or a user's bytes. */

import { fuzz as clientHello } from "./client_hello_fuzz.ts";
import { fuzz as hpack } from "./hpack_fuzz.ts";
import { fuzz as http1 } from "./http1_fuzz.ts";
import { fuzz as http2 } from "./http2_fuzz.ts";
import { fuzz as protobufValue } from "./protobuf_value_fuzz.ts";
import { fuzz as proxyProtocol } from "./proxy_protocol_fuzz.ts";
import { fuzz as yaml } from "./yaml_fuzz.ts";

export interface FuzzTarget {
  readonly name: string;
  /** Rounds of a short run in the test suite: well under a second. */
  readonly shortRounds: number;
  readonly fuzz: (rounds: number, seed: number) => void;
}

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  { name: "client_hello", shortRounds: 3000, fuzz: clientHello },
  { name: "hpack", shortRounds: 3000, fuzz: hpack },
  { name: "http1", shortRounds: 1000, fuzz: http1 },
  { name: "http2", shortRounds: 300, fuzz: http2 },
  { name: "protobuf_value", shortRounds: 1000, fuzz: protobufValue },
  { name: "proxy_protocol", shortRounds: 3000, fuzz: proxyProtocol },
  { name: "yaml", shortRounds: 2000, fuzz: yaml },
];
