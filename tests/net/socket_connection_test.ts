import { assertEquals } from "../support/assert.ts";
import { bytesOf, fakeConnection } from "./fake_transport.ts";

Deno.test("SocketConnection writes once a turn, in pieces of at most 96 KiB", () => {
  const { connection, transport, run } = fakeConnection();
  run(() => {
    connection.output.writeLatin1("a");
    connection.output.writeLatin1("b");
    connection.output.writeBytes(new Uint8Array(98304));
  });
  assertEquals(transport.calls, ["write 98304 done", "write 2 done"]);
  assertEquals(connection.bytesSent, 98306);
});

Deno.test("SocketConnection keeps one write in flight and its bytes until they are taken", () => {
  const { connection, transport, run } = fakeConnection();
  transport.results = ["pending"];
  run(() => connection.output.writeLatin1("one"));
  run(() => connection.output.writeLatin1("two"));
  assertEquals(transport.calls, ["write 3 pending"]);
  assertEquals(connection.pendingBytes, 6);
  transport.events.onWritten();
  assertEquals(transport.calls, ["write 3 pending", "write 3 done"]);
  assertEquals(connection.pendingBytes, 0);
});

Deno.test("SocketConnection tells of its watermarks: above the limit, at half of it", () => {
  const { connection, transport, recorder, run } = fakeConnection();
  connection.bufferLimitBytes = 100;
  transport.results = ["pending", "pending"];
  run(() => connection.output.writeBytes(new Uint8Array(100)));
  assertEquals(recorder.log, []);
  run(() => connection.output.writeBytes(new Uint8Array(60)));
  assertEquals(recorder.log, ["above"]);
  transport.events.onWritten();
  // 60 bytes wait still: more than half.
  assertEquals(recorder.log, ["above"]);
  transport.events.onWritten();
  assertEquals(recorder.log, ["above", "below"]);
});

Deno.test("SocketConnection tells of the high watermark while it connects", () => {
  const { connection, recorder, run } = fakeConnection("connecting");
  connection.bufferLimitBytes = 10;
  run(() => connection.output.writeBytes(new Uint8Array(4)));
  run(() => connection.output.writeBytes(new Uint8Array(8)));
  assertEquals(recorder.log, ["above"]);
});

Deno.test("SocketConnection counts read pauses and holds what comes meanwhile, FIN too", () => {
  const { connection, transport, recorder, run } = fakeConnection();
  run(() => connection.readDisable(true));
  run(() => connection.readDisable(true));
  assertEquals(transport.isReading, false);
  transport.events.onBytes(bytesOf("late"));
  transport.events.onEof();
  run(() => connection.readDisable(false));
  assertEquals(recorder.log, []);
  run(() => connection.readDisable(false));
  assertEquals(recorder.log, ["data late", "end"]);
});

Deno.test("SocketConnection keeps the order of held and new bytes", () => {
  const { connection, transport, recorder, run } = fakeConnection();
  run(() => connection.readDisable(true));
  transport.events.onBytes(bytesOf("1"));
  run(() => {
    connection.readDisable(false);
    transport.events.onBytes(bytesOf("2"));
  });
  assertEquals(recorder.log, ["data 1", "data 2"]);
});

Deno.test("SocketConnection turns an exception of its owner into a reset of this connection only", () => {
  const { connection, transport, recorder, errors } = fakeConnection();
  recorder.onData = () => {
    throw new TypeError("our bug");
  };
  transport.events.onBytes(bytesOf("x"));
  assertEquals(errors.map(String), ["TypeError: our bug"]);
  assertEquals(transport.calls, ["reset"]);
  assertEquals(recorder.log, ["close local_close internal_error"]);
  assertEquals(connection.isClosed, true);
});

const CLOSES = [
  { name: "no_flush drops what waits", kind: "no_flush", calls: ["close"] },
  { name: "reset sends RST", kind: "reset", calls: ["reset"] },
  {
    name: "flush_write writes, then FIN",
    kind: "flush_write",
    calls: ["write 3 done", "shutdown"],
  },
] as const;
for (const row of CLOSES) {
  Deno.test(`SocketConnection closes: ${row.name}`, () => {
    const { connection, transport, recorder, run } = fakeConnection();
    run(() => {
      connection.output.writeLatin1("bye");
      connection.close(row.kind, "why");
    });
    assertEquals(transport.calls, row.calls);
    if (row.kind === "flush_write") transport.events.onShutdown();
    assertEquals(recorder.log, ["close local_close why"]);
    assertEquals(transport.calls.at(-1), row.kind === "reset" ? "reset" : "close");
  });
}

Deno.test("SocketConnection defers onClose to the end of the turn and calls it once", () => {
  const { connection, recorder, run } = fakeConnection();
  run(() => {
    connection.close("no_flush", "first");
    connection.close("reset", "second");
    assertEquals(recorder.log, []);
  });
  assertEquals(recorder.log, ["close local_close first"]);
});

Deno.test("SocketConnection lingers after flush_write_and_delay until the peer's FIN", () => {
  const { connection, transport, recorder, run } = fakeConnection();
  connection.delayedCloseTimeoutMs = 1000;
  run(() => {
    connection.output.writeLatin1("bye");
    connection.close("flush_write_and_delay");
  });
  transport.events.onShutdown();
  transport.events.onBytes(bytesOf("dropped"));
  assertEquals(recorder.log, []);
  transport.events.onEof();
  assertEquals(recorder.log, ["close local_close"]);
});

Deno.test("SocketConnection lingers no longer than delayedCloseTimeoutMs", () => {
  const { connection, transport, recorder, run, advance } = fakeConnection();
  connection.delayedCloseTimeoutMs = 1000;
  run(() => connection.close("flush_write_and_delay", "done"));
  transport.events.onShutdown();
  advance(990);
  assertEquals(recorder.log, []);
  advance(20);
  assertEquals(recorder.log, ["close local_close done"]);
});

Deno.test("SocketConnection gives up flushing to a peer that takes nothing", () => {
  const { connection, transport, recorder, run, advance } = fakeConnection();
  connection.delayedCloseTimeoutMs = 1000;
  transport.results = ["pending"];
  run(() => {
    connection.output.writeLatin1("bye");
    connection.close("flush_write");
  });
  advance(1100);
  assertEquals(transport.calls, ["write 3 pending", "close"]);
  assertEquals(recorder.log, ["close local_close"]);
});

Deno.test("SocketConnection sends FIN after what waits and reads on", () => {
  const { connection, transport, recorder, run } = fakeConnection();
  run(() => {
    connection.endWrite();
    connection.output.writeLatin1("last");
  });
  assertEquals(transport.calls, ["write 4 done", "shutdown"]);
  transport.events.onBytes(bytesOf("reply"));
  assertEquals(recorder.log, ["data reply"]);
});

const ERRORS = [
  { code: "ECONNRESET", want: "close remote_reset ECONNRESET" },
  { code: "EPIPE", want: "close remote_close EPIPE" },
] as const;
for (const row of ERRORS) {
  Deno.test(`SocketConnection closes as ${row.want} at ${row.code}`, () => {
    const { transport, recorder } = fakeConnection();
    transport.events.onError(row.code, "text");
    assertEquals(recorder.log, [row.want]);
  });
}

Deno.test("SocketConnection sends what was written while it connected", () => {
  const { connection, transport, recorder, run } = fakeConnection("connecting");
  run(() => connection.output.writeLatin1("early"));
  assertEquals(transport.calls, []);
  transport.events.onConnected();
  assertEquals(transport.calls, ["write 5 done"]);
  assertEquals(recorder.log, ["connected"]);
});

Deno.test("SocketConnection gives up connecting in time", () => {
  const { connection, recorder, advance } = fakeConnection("connecting");
  connection.limitConnect(250);
  advance(255);
  assertEquals(recorder.log, ["close connect_timeout connect timeout"]);
});

Deno.test("SocketConnection tells why connecting failed, as Envoy says it", () => {
  const { connection, transport, recorder } = fakeConnection("connecting");
  transport.events.onError("ECONNREFUSED", "Connection refused");
  assertEquals(connection.transportFailureReason, "delayed connect error: Connection refused");
  assertEquals(recorder.log, [
    "close connect_failure delayed connect error: Connection refused",
  ]);
});

Deno.test("SocketConnection refuses to enable reading that is not disabled", () => {
  const { connection } = fakeConnection();
  let thrown = "";
  try {
    connection.readDisable(false);
  } catch (error) {
    thrown = String(error);
  }
  assertEquals(thrown, "RangeError: Reading was not disabled");
});

for (const taken of ["done", "pending"] as const) {
  Deno.test(`SocketConnection writes its preamble before all else: ${taken}`, () => {
    const { connection, transport, recorder, run } = fakeConnection("connecting");
    connection.preamble = (local, remote) => bytesOf(`${local.kind} ${remote.kind}\n`);
    run(() => connection.output.writeLatin1("request"));
    transport.results = [taken];
    transport.events.onConnected();
    if (taken === "pending") {
      assertEquals(recorder.log, []);
      transport.events.onWritten();
    }
    assertEquals(transport.calls, [`write 6 ${taken}`, "write 7 done"]);
    assertEquals(recorder.log, ["connected"]);
    assertEquals(connection.bytesSent, 13);
  });
}

Deno.test("SocketConnection that both sides ended counts as closed by its peer", () => {
  const { connection, transport, recorder, run } = fakeConnection();
  run(() => connection.endWrite());
  transport.events.onShutdown();
  transport.events.onEof();
  run(() => connection.close("flush_write"));
  assertEquals(recorder.log, ["end", "close remote_close"]);
});
