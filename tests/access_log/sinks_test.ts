// Where lines go: whole lines into files, bounded queues before streams.
import {
  AccessLogManager,
  compileAccessLogs,
  FILE_STAT,
  FILE_STATS,
  type LogWriter,
} from "../../src/access_log/mod.ts";
import { LogStream } from "../../src/access_log/log_stream.ts";
import { fileAccessLog } from "../../src/access_log/sinks/file.ts";
import { ACCESS_LOGGERS } from "../../src/access_log/sinks/registry.ts";
import { Dispatcher } from "../../src/base/mod.ts";
import { StatsRoot } from "../../src/stats/mod.ts";
import type { envoy_config_accesslog_v3_AccessLog } from "../../src/proto/mod.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";
import { fakeStreamInfo } from "../support/fakes/stream_info.ts";
import { decodeMessage } from "../support/messages.ts";

interface Bench {
  readonly clock: FakeClock;
  readonly dispatcher: Dispatcher;
  readonly manager: AccessLogManager;
  readonly path: string;
  read(path?: string): string;
  stat(name: keyof typeof FILE_STAT): number;
}

/** A manager over a directory of its own, on a clock that stands still. */
function withBench(test: (bench: Bench) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const directory = Deno.makeTempDirSync();
    const clock = new FakeClock();
    const dispatcher = new Dispatcher({ clock, sleeper: clock });
    const { scope } = new StatsRoot();
    const manager = new AccessLogManager(dispatcher, { flushIntervalMs: 1000, scope });
    const path = `${directory}/access.log`;
    const group = scope.scope("filesystem").group(FILE_STATS);
    try {
      await test({
        clock,
        dispatcher,
        manager,
        path,
        read: (file = path) => Deno.readTextFileSync(file),
        stat: (name) => group.get(FILE_STAT[name]),
      });
    } finally {
      manager.closeAll();
      Deno.removeSync(directory, { recursive: true });
    }
  };
}

Deno.test(
  "log file writes the first line at once and gathers others until the interval is over",
  withBench(({ manager, path, clock, read, stat }) => {
    const file = manager.open(path);
    file.write("one\n");
    assertEquals([read(), stat("writeBuffered"), stat("totalBuffered")], ["one\n", 1, 0]);
    file.write("two\n");
    file.write("three\n");
    assertEquals([read(), stat("writeBuffered"), stat("totalBuffered")], ["one\n", 3, 10]);
    clock.advance(1010);
    assertEquals(read(), "one\ntwo\nthree\n");
    const counts = [stat("flushedByTimer"), stat("writeCompleted"), stat("totalBuffered")];
    assertEquals(counts, [1, 2, 0]);
    file.write("four\n");
    assertEquals(read(), "one\ntwo\nthree\n", "the next interval runs");
    clock.advance(1010);
    clock.advance(1010);
    file.write("five\n");
    assertEquals(read(), "one\ntwo\nthree\nfour\nfive\n", "a quiet interval is over");
  }),
);

Deno.test(
  "log file writes whole lines once 64 KiB are full",
  withBench(({ manager, path, read, stat }) => {
    const file = manager.open(path);
    const line = "x".repeat(39_999) + "\n";
    file.write("first\n");
    file.write(line);
    file.write(line);
    assertEquals([read(), stat("writeCompleted")], [`first\n${line}`, 2]);
  }),
);

Deno.test(
  "log file writes a line that is larger than its buffer, in order",
  withBench(({ manager, path, read }) => {
    const file = manager.open(path);
    const long = "y".repeat(70_000) + "\n";
    file.write("short\n");
    file.write(long);
    file.write("last\n");
    file.flush();
    assertEquals(read(), `short\n${long}last\n`);
  }),
);

Deno.test(
  "log file keeps bytes above 0x7F as they are",
  withBench(({ manager, path }) => {
    const file = manager.open(path);
    file.write("\xc3\xa9\xff\n");
    file.flush();
    assertEquals([...Deno.readFileSync(path)], [0xc3, 0xa9, 0xff, 0x0a]);
  }),
);

Deno.test(
  "log file appends to what is there, also beside another writer",
  withBench(({ manager, path, read }) => {
    Deno.writeTextFileSync(path, "before\n");
    const file = manager.open(path);
    file.write("a\n");
    file.flush();
    Deno.writeTextFileSync(path, "other\n", { append: true });
    file.write("b\n");
    file.flush();
    assertEquals(read(), "before\na\nother\nb\n");
  }),
);

Deno.test(
  "reopenAll follows a rotation",
  withBench(({ manager, path, read }) => {
    const file = manager.open(path);
    file.write("old\n");
    Deno.renameSync(path, `${path}.1`);
    manager.reopenAll();
    file.write("new\n");
    manager.flushAll();
    assertEquals([read(`${path}.1`), read()], ["old\n", "new\n"]);
  }),
);

Deno.test(
  "reopenAll that fails is counted and keeps the old file",
  withBench(({ manager, path, read, stat }) => {
    const file = manager.open(path);
    Deno.renameSync(path, `${path}.1`);
    Deno.mkdirSync(path);
    manager.reopenAll();
    file.write("kept\n");
    manager.flushAll();
    assertEquals([read(`${path}.1`), stat("reopenFailed")], ["kept\n", 1]);
  }),
);

Deno.test(
  "a disk that is full is counted, never thrown",
  withBench(({ manager, stat }) => {
    const file = manager.open("/dev/full");
    file.write("lost\n");
    file.flush();
    assertEquals([stat("writeFailed"), stat("writeCompleted")], [1, 0]);
  }),
);

Deno.test(
  "logs with one path share a file",
  withBench(({ manager, path }) => assertEquals(manager.open(path) === manager.open(path), true)),
);

/** Takes bytes when told to. */
class SlowTarget {
  readonly taken: string[] = [];
  #next: (() => void) | undefined;

  write(bytes: Uint8Array): Promise<number> {
    this.taken.push(new TextDecoder().decode(bytes));
    return new Promise((resolve) => this.#next = () => resolve(bytes.length));
  }

  async release(): Promise<void> {
    this.#next?.();
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }
}

Deno.test("log stream gathers while its reader is slow, and drops what is too much", async () => {
  const target = new SlowTarget();
  const dropped = new StatsRoot().scope.counter("dropped");
  const stream: LogWriter = new LogStream(target, dropped);
  stream.write("a\n");
  stream.write("b\n");
  await Promise.resolve();
  assertEquals(target.taken, ["a\nb\n"]);
  const chunk = "x".repeat(400_000);
  for (let i = 0; i < 4; i++) stream.write(chunk);
  assertEquals([target.taken.length, dropped.value], [1, 2]);
  await target.release();
  assertEquals([target.taken.length, target.taken[1]!.length], [2, 800_000]);
  await target.release();
});

function fileLog(config: object, filter?: object): Promise<envoy_config_accesslog_v3_AccessLog> {
  const type = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
  return decodeMessage<envoy_config_accesslog_v3_AccessLog>("envoy.config.accesslog.v3.AccessLog", {
    name: "log",
    typed_config: { "@type": type, ...config },
    ...(filter === undefined ? {} : { filter }),
  }).then(({ message }) => message);
}

// deno-fmt-ignore
const FORMATS: readonly (readonly [name: string, format: object, want: RegExp])[] = [
  ["the default format", {}, /^\[2023-11-14T22:13:20\.000Z\] "- - -" 404 - 0 0 \d+ - "-" "-" "-" "-" "-"\n$/],
  ["log_format text", { log_format: { text_format_source: { inline_string: "%RESPONSE_CODE%;" } } }, /^404;$/],
  ["log_format JSON", { log_format: { json_format: { code: "%RESPONSE_CODE%" } } }, /^\{"code":404\}\n$/],
  ["the older format", { format: "old %RESPONSE_CODE%\n" }, /^old 404\n$/],
  ["the older json_format", { json_format: { code: "%RESPONSE_CODE%" } }, /^\{"code":404\}\n$/],
];
for (const [name, format, want] of FORMATS) {
  Deno.test(
    `access log to a file: ${name}, filtered`,
    withBench(async ({ manager, path, dispatcher, read }) => {
      const only404 = {
        status_code_filter: {
          comparison: { op: "EQ", value: { default_value: 404, runtime_key: "k" } },
        },
      };
      const context = fakeContext({
        dispatcher,
        services: { access_log_manager: manager },
        extensions: { [fileAccessLog.type]: fileAccessLog },
      });
      const [log] = compileAccessLogs([await fileLog({ path, ...format }, only404)], context);
      for (const responseCode of [200, 404]) {
        log!.log({
          requestHeaders: undefined,
          responseHeaders: undefined,
          responseTrailers: undefined,
          info: Object.assign(fakeStreamInfo(), { responseCode }),
          localReplyBody: "",
          accessLogType: "DownstreamEnd",
        });
      }
      manager.flushAll();
      assertMatch(read(), want);
    }),
  );
}

Deno.test(
  "an access log whose file cannot be opened is a problem",
  withBench(async ({ manager, dispatcher }) => {
    const found: string[] = [];
    const add = (_message: object, field: string, text: string): void =>
      void found.push(`${field}: ${text}`);
    const context = fakeContext({
      dispatcher,
      problems: { error: add, unsupported: add, warn: add },
      services: { access_log_manager: manager },
      extensions: { [fileAccessLog.type]: fileAccessLog },
    });
    assertEquals(compileAccessLogs([await fileLog({ path: "/nonexistent/x.log" })], context), []);
    assertMatch(
      found.join("\n"),
      /^path: unable to open file '\/nonexistent\/x\.log': No such file/,
    );
  }),
);

Deno.test("access loggers stand in name order and load what they name", async () => {
  const names = ACCESS_LOGGERS.map((row) => row.name as string);
  assertEquals(names, [...new Set(names)].sort());
  for (const row of ACCESS_LOGGERS) {
    const factory = await row.load();
    assertEquals([factory.name, factory.type], [row.name, row.type]);
  }
});
