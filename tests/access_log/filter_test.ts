// Log filters by table, after conformance area accesslog.
import { compileLogFilter } from "../../src/access_log/mod.ts";
import type { FormatContext } from "../../src/formatter/mod.ts";
import { FLAG, HeaderMap, type StreamInfo } from "../../src/http/mod.ts";
import type { envoy_config_accesslog_v3_AccessLogFilter } from "../../src/proto/mod.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";
import { fakeStreamInfo } from "../support/fakes/stream_info.ts";
import { decodeMessage } from "../support/messages.ts";

/** What a stream was like; the rest is as nothing had happened. */
interface Stream {
  readonly info?: Partial<StreamInfo>;
  readonly request?: readonly (readonly [string, string])[];
  readonly trailers?: readonly (readonly [string, string])[];
  readonly type?: FormatContext["accessLogType"];
}

function contextOf(stream: Stream): FormatContext {
  return {
    requestHeaders: HeaderMap.of([":path", "/"], ...(stream.request ?? [])),
    responseHeaders: undefined,
    responseTrailers: stream.trailers === undefined ? undefined : HeaderMap.of(...stream.trailers),
    info: Object.assign(fakeStreamInfo(), { endMs: 100, ...stream.info }),
    localReplyBody: "",
    accessLogType: stream.type ?? "DownstreamEnd",
  };
}

const code = (responseCode: number): Stream => ({ info: { responseCode } });
const compare = (op: string, default_value: number, runtime_key = "unset"): object => ({
  comparison: { op, value: { default_value, runtime_key } },
});
const status = (op: string, value: number, key?: string): object => ({
  status_code_filter: compare(op, value, key),
});
const header = (name: string, match: object): object => ({
  header_filter: { header: { name, ...match } },
});
const sampled = (numerator: number, runtime_key = "unset"): object => ({
  runtime_filter: { runtime_key, percent_sampled: { numerator, denominator: "HUNDRED" } },
});
const xLog: Stream = { request: [["x-log", "yes"]] };
const metadata = (more: object = {}): object => ({
  metadata_filter: {
    matcher: { filter: "f", path: [{ key: "k" }], value: { string_match: { exact: "v" } } },
    ...more,
  },
});
const withMetadata = (k: unknown): Stream => ({ info: { dynamicMetadata: { f: { k } } } });
const low = "00000000-0000-4000-8000-000000000000";
const high = "ffffffff-0000-4000-8000-000000000000";

// deno-fmt-ignore
const ROWS: readonly { name: string; filter: object; yes: Stream[]; no: Stream[] }[] = [
  { name: "status GE", filter: status("GE", 400), yes: [code(400), code(503)], no: [code(399), code(0)] },
  { name: "status LE", filter: status("LE", 299), yes: [code(200), code(0)], no: [code(300)] },
  { name: "status EQ", filter: status("EQ", 404), yes: [code(404)], no: [code(405)] },
  { name: "status NE", filter: status("NE", 200), yes: [code(404)], no: [code(200)] },
  { name: "status against a runtime value", filter: status("GE", 200, "conf.status"), yes: [code(404)], no: [code(403)] },
  { name: "duration", filter: { duration_filter: compare("GE", 100) }, yes: [{ info: { endMs: 100.5 } }], no: [{ info: { endMs: 99.9 } }] },
  { name: "not a health check", filter: { not_health_check_filter: {} }, yes: [{}], no: [{ info: { isHealthCheck: true } }] },
  { name: "traceable", filter: { traceable_filter: {} }, yes: [{ info: { traceReason: "sampled" } }], no: [{}, { info: { traceReason: "forced", isHealthCheck: true } }] },
  { name: "header", filter: header("x-log", { string_match: { exact: "yes" } }), yes: [xLog], no: [{}, { request: [["x-log", "no"]] }] },
  { name: "some flags", filter: { response_flag_filter: { flags: ["NR", "UH"] } }, yes: [{ info: { flags: FLAG.noRouteFound } }], no: [{}, { info: { flags: FLAG.upstreamOverflow } }] },
  { name: "any flag", filter: { response_flag_filter: {} }, yes: [{ info: { flags: FLAG.unconditionalDropOverload } }], no: [{}] },
  { name: "and", filter: { and_filter: { filters: [status("GE", 400), header("x-log", { present_match: true })] } }, yes: [{ ...xLog, ...code(404) }], no: [xLog, code(404)] },
  { name: "or", filter: { or_filter: { filters: [status("GE", 500), header("x-log", { present_match: true })] } }, yes: [xLog, code(503)], no: [code(404)] },
  { name: "never", filter: sampled(0), yes: [], no: [{}, { info: { requestId: low } }] },
  { name: "always", filter: sampled(100), yes: [{}, { info: { requestId: high } }], no: [] },
  { name: "a share, stable by request id", filter: sampled(50), yes: [{ info: { requestId: low } }], no: [{ info: { requestId: high } }] },
  { name: "a share that the runtime overrides", filter: sampled(100, "conf.never"), yes: [], no: [{}] },
  { name: "gRPC status of trailers", filter: { grpc_status_filter: { statuses: ["UNAVAILABLE"] } }, yes: [{ trailers: [["grpc-status", "14"]] }], no: [{ trailers: [["grpc-status", "0"]], ...code(503) }] },
  { name: "gRPC status by HTTP code", filter: { grpc_status_filter: { statuses: ["UNAVAILABLE"] } }, yes: [code(503)], no: [code(404)] },
  { name: "gRPC status, excluded", filter: { grpc_status_filter: { statuses: ["UNAVAILABLE"], exclude: true } }, yes: [code(404)], no: [code(503)] },
  { name: "metadata", filter: metadata(), yes: [withMetadata("v"), {}], no: [withMetadata("x")] },
  { name: "metadata that must be there", filter: metadata({ match_if_key_not_found: false }), yes: [withMetadata("v")], no: [{}] },
  { name: "log type", filter: { log_type_filter: { types: ["DownstreamEnd"] } }, yes: [{}], no: [{ type: "DownstreamStart" }] },
  { name: "log type, excluded", filter: { log_type_filter: { types: ["DownstreamEnd"], exclude: true } }, yes: [{ type: "UpstreamEnd" }], no: [{}] },
];
for (const row of ROWS) {
  Deno.test(`log filter: ${row.name}`, async () => {
    const { message } = await decodeMessage<envoy_config_accesslog_v3_AccessLogFilter>(
      "envoy.config.accesslog.v3.AccessLogFilter",
      row.filter,
    );
    const runtime = new Map<string, unknown>([["conf.status", 404], ["conf.never", 0]]);
    const filter = compileLogFilter(message, fakeContext({ runtime }));
    for (const stream of row.yes) {
      assertEquals(filter(contextOf(stream)), true, JSON.stringify(stream));
    }
    for (const stream of row.no) {
      assertEquals(filter(contextOf(stream)), false, JSON.stringify(stream));
    }
  });
}

Deno.test("log filter refuses an unknown flag", async () => {
  const decoded = await decodeMessage<envoy_config_accesslog_v3_AccessLogFilter>(
    "envoy.config.accesslog.v3.AccessLogFilter",
    { response_flag_filter: { flags: ["XX"] } },
  );
  compileLogFilter(decoded.message, fakeContext({ problems: decoded.sink }));
  assertMatch(decoded.problems().map((problem) => problem.message).join("\n"), /in list/);
});
