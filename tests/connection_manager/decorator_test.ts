// x-envoy-decorator-operation of inbound and outbound listeners, with and without tracing.
import { assertEquals } from "../support/assert.ts";
import { Harness, respond } from "./harness.ts";

const NAME = "x-envoy-decorator-operation";
const TRACING = { random_sampling: { value: 100 } };

interface Row {
  readonly name: string;
  readonly isOutbound: boolean;
  readonly path: string;
  /** What client and upstream call the operation. */
  readonly given?: { readonly client?: string; readonly upstream?: string };
  readonly tracing?: object;
  readonly want: { readonly upstream?: string; readonly client?: string };
}
// deno-fmt-ignore
const ROWS: readonly Row[] = [
  { name: "inbound: the client learns the route's name", isOutbound: false, path: "/named", want: { client: "route" } },
  { name: "inbound: not if the client gave one", isOutbound: false, path: "/named", given: { client: "mine" }, want: {} },
  { name: "inbound: an empty name is none", isOutbound: false, path: "/named", given: { client: "" }, want: { client: "route" } },
  { name: "inbound: not if it is not to be told", isOutbound: false, path: "/quiet", want: {} },
  { name: "inbound: nothing without a decorator", isOutbound: false, path: "/", want: {} },
  { name: "inbound: the upstream's name goes on", isOutbound: false, path: "/", given: { upstream: "theirs" }, want: { client: "theirs" } },
  { name: "outbound: the upstream learns the route's name", isOutbound: true, path: "/named", want: { upstream: "route" } },
  { name: "outbound: in place of the client's", isOutbound: true, path: "/named", given: { client: "mine" }, want: { upstream: "route" } },
  { name: "outbound: the client's goes on where there is none", isOutbound: true, path: "/quiet", given: { client: "mine" }, want: { upstream: "mine" } },
  { name: "outbound: the upstream's name is taken", isOutbound: true, path: "/named", given: { upstream: "theirs" }, want: { upstream: "route" } },
  { name: "untraced: nothing is told", isOutbound: false, path: "/named", given: { client: "mine" }, tracing: {}, want: { upstream: "mine" } },
];

const route = (prefix: string, decorator?: object) => ({
  match: { prefix },
  route: { cluster: "a" },
  ...(decorator === undefined ? {} : { decorator }),
});

for (const { name, isOutbound, path, given, tracing, want } of ROWS) {
  Deno.test(`Decorator: ${name}`, async () => {
    const upstream = given?.upstream;
    const harness = await Harness.create({
      ...(tracing ?? { tracing: TRACING }),
      route_config: {
        name: "r",
        virtual_hosts: [{
          name: "all",
          domains: ["*"],
          routes: [
            route("/named", { operation: "route" }),
            route("/quiet", { operation: "route", propagate: false }),
            route("/"),
          ],
        }],
      },
    }, {
      isOutbound,
      script: (callbacks) =>
        respond(callbacks, 200, "ok", upstream === undefined ? [] : [[NAME, upstream]]),
    });
    const client = given?.client === undefined ? "" : `${NAME}: ${given.client}\r\n`;
    const reply = harness.send(`GET ${path} HTTP/1.1\r\nHost: c\r\n${client}\r\n`);
    const sent = harness.seen[0]!.find(([header]) => header === NAME)?.[1];
    const answered = reply.split("\r\n").find((line) => line.startsWith(NAME));
    assertEquals(
      [sent, answered],
      [want.upstream, want.client === undefined ? undefined : `${NAME}: ${want.client}`],
    );
  });
}
