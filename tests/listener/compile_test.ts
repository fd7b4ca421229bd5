import type { NetworkFilterFactory } from "../../src/filter_chain/mod.ts";
import { compileListener } from "../../src/listener/mod.ts";
import type {
  envoy_config_listener_v3_FilterChain,
  envoy_config_listener_v3_Listener,
} from "../../src/proto/mod.ts";
import type { CompileContext } from "../../src/runtime/mod.ts";
import { testContext } from "../net/tls_messages.ts";
import { assertEquals } from "../support/assert.ts";

type Listener = envoy_config_listener_v3_Listener;
type Chain = envoy_config_listener_v3_FilterChain;

/** Two filters: `test.Terminal` may stand last only, `test.Middle` not last. */
const FACTORIES: { readonly [type: string]: NetworkFilterFactory } = {
  "test.Terminal": factory("test.Terminal", true),
  "test.Middle": factory("test.Middle", false),
};

function factory(type: string, isTerminal: boolean): NetworkFilterFactory {
  return {
    name: type,
    type,
    isTerminal,
    compile: () => undefined,
    create: () => {
      throw new RangeError("not in this test");
    },
  };
}

function chain(types: readonly string[], more: Partial<Chain> = {}): Chain {
  return {
    $typeName: "envoy.config.listener.v3.FilterChain",
    filters: types.map((type) => ({
      $typeName: "envoy.config.listener.v3.Filter",
      name: "f",
      configType: { case: "typedConfig", value: { $typeName: type } },
    })),
    name: "",
    ...more,
  };
}

function listener(more: Partial<Listener>): Listener {
  return {
    $typeName: "envoy.config.listener.v3.Listener",
    name: "edge",
    address: {
      $typeName: "envoy.config.core.v3.Address",
      address: {
        case: "socketAddress",
        value: {
          $typeName: "envoy.config.core.v3.SocketAddress",
          protocol: 0,
          address: "127.0.0.1",
          portSpecifier: { case: "portValue", value: 8080 },
          resolverName: "",
          ipv4Compat: false,
          networkNamespaceFilepath: "",
        },
      },
    },
    additionalAddresses: [],
    statPrefix: "",
    filterChains: [chain(["test.Terminal"])],
    drainType: 0,
    listenerFilters: [],
    continueOnListenerFiltersTimeout: false,
    socketOptions: [],
    trafficDirection: 0,
    reusePort: false,
    accessLog: [],
    listenerSpecifier: { case: undefined },
    enableMptcp: false,
    ignoreGlobalConnLimit: false,
    bypassOverloadManager: false,
    ...more,
  };
}

function compile(message: Listener): {
  compiled: ReturnType<typeof compileListener>;
  problems: string[];
} {
  const { context, problems } = testContext();
  const withFilters: CompileContext = {
    ...context,
    extension: <Factory>(_category: string, type: string): Factory | undefined =>
      FACTORIES[type] as Factory | undefined,
  };
  return { compiled: compileListener(message, withFilters), problems };
}

/** Verdicts and words of Envoy 1.40's `--mode validate`. */
const ROWS: { name: string; message: Partial<Listener>; want: readonly string[] }[] = [
  { name: "a plain listener", message: {}, want: [] },
  {
    name: "no filter chains",
    message: { filterChains: [] },
    want: [
      "error filter_chains: error adding listener '127.0.0.1:8080': no filter chains specified",
    ],
  },
  {
    name: "a default filter chain alone",
    message: { filterChains: [], defaultFilterChain: chain(["test.Terminal"]) },
    want: [],
  },
  {
    name: "two chains that match all",
    message: { filterChains: [chain(["test.Terminal"]), chain(["test.Terminal"])] },
    want: [
      "error filter_chain_match: error adding listener '127.0.0.1:8080': multiple filter chains " +
      "with overlapping matching rules are defined",
    ],
  },
  {
    name: "a terminal filter in the middle",
    message: { filterChains: [chain(["test.Terminal", "test.Terminal"])] },
    want: [
      "error : Error: terminal filter named f of type test.Terminal must be the last filter in a " +
      "network filter chain.",
    ],
  },
  {
    name: "a last filter that is not terminal",
    message: { filterChains: [chain(["test.Middle"])] },
    want: [
      "error : Error: non-terminal filter named f of type test.Middle is the last filter in a " +
      "network filter chain.",
    ],
  },
  {
    name: "a filter that denvoy has not",
    message: { filterChains: [chain(["test.Absent"])] },
    want: ['refused typed_config: network filter "f" does not run'],
  },
  {
    name: "use_original_dst",
    message: { useOriginalDst: true },
    want: [
      "refused use_original_dst: connections are not handed to the listener of their original " +
      "destination",
    ],
  },
  {
    name: "freebind",
    message: { freebind: true },
    want: ["unsupported freebind: the address must be one of this machine"],
  },
];

for (const row of ROWS) {
  Deno.test(`compileListener judges ${row.name}`, () => {
    assertEquals(compile(listener(row.message)).problems, row.want);
  });
}

Deno.test("compileListener fills in Envoy's defaults", () => {
  const { compiled } = compile(listener({}));
  const { bufferLimitBytes, filtersTimeoutMs, reusePort, bindsToPort } = compiled;
  assertEquals([bufferLimitBytes, filtersTimeoutMs], [1048576, 15000]);
  assertEquals([reusePort, bindsToPort, compiled.name], [true, true, "edge"]);
});

Deno.test("compileListener refuses a host name as address", () => {
  const message = listener({});
  const { address } = message.address!;
  if (address.case === "socketAddress") address.value.address = "foo.example";
  const { problems } = compile(message);
  assertEquals(problems, ["error address: malformed IP address: foo.example"]);
});
