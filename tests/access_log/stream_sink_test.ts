// The sinks of stdout and stderr: their stream, their formats.
import { compileAccessLogs } from "../../src/access_log/mod.ts";
import { ACCESS_LOGGERS } from "../../src/access_log/sinks/registry.ts";
import { stderrAccessLog, stdoutAccessLog } from "../../src/access_log/sinks/stream.ts";
import type { envoy_config_accesslog_v3_AccessLog } from "../../src/proto/mod.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";
import { fakeStreamInfo } from "../support/fakes/stream_info.ts";
import { decodeMessage } from "../support/messages.ts";

const TEXT = { log_format: { text_format_source: { inline_string: "%RESPONSE_CODE%;" } } };
const JSON_FORMAT = { log_format: { json_format: { code: "%RESPONSE_CODE%" } } };

// deno-fmt-ignore
const ROWS = [
  { name: "StdoutAccessLog, the default format", factory: stdoutAccessLog, config: {}, path: "/dev/stdout", want: /^\[2023-11-14T22:13:20\.000Z\] "- - -" 404 - .*\n$/ },
  { name: "StdoutAccessLog, text", factory: stdoutAccessLog, config: TEXT, path: "/dev/stdout", want: /^404;$/ },
  { name: "StderrAccessLog, text", factory: stderrAccessLog, config: TEXT, path: "/dev/stderr", want: /^404;$/ },
  { name: "StderrAccessLog, JSON", factory: stderrAccessLog, config: JSON_FORMAT, path: "/dev/stderr", want: /^\{"code":404\}\n$/ },
] as const;

for (const row of ROWS) {
  Deno.test(`stream access log: ${row.name}`, async () => {
    const opened: string[] = [];
    let written = "";
    const manager = {
      open: (path: string) => {
        opened.push(path);
        return { write: (line: string) => void (written += line) };
      },
    };
    const { message } = await decodeMessage<envoy_config_accesslog_v3_AccessLog>(
      "envoy.config.accesslog.v3.AccessLog",
      {
        name: "log",
        typed_config: { "@type": `type.googleapis.com/${row.factory.type}`, ...row.config },
      },
    );
    const context = fakeContext({
      services: { access_log_manager: manager },
      extensions: { [row.factory.type]: row.factory },
    });
    const [log] = compileAccessLogs([message], context);
    log!.log({
      requestHeaders: undefined,
      responseHeaders: undefined,
      responseTrailers: undefined,
      info: Object.assign(fakeStreamInfo(), { responseCode: 404 }),
      localReplyBody: "",
      accessLogType: "DownstreamEnd",
    });
    assertEquals(opened, [row.path]);
    assertMatch(written, row.want);
  });
}

Deno.test("both streams' sinks are in the registry", () => {
  const types: readonly string[] = ACCESS_LOGGERS.map((row) => row.type);
  assertEquals([stdoutAccessLog, stderrAccessLog].filter(({ type }) => !types.includes(type)), []);
});
