import { connect, listenInternal, type SocketConnection } from "../../src/net/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeDispatcher, Recorder } from "./fake_transport.ts";

/** Lets queued microtasks run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

interface Ends {
  readonly client: SocketConnection;
  readonly server: SocketConnection;
  readonly clientLog: Recorder;
  readonly serverLog: Recorder;
  run(work: () => void): void;
}

async function connectedPair(): Promise<Ends> {
  const { dispatcher } = fakeDispatcher();
  let server: SocketConnection | undefined;
  const serverLog = new Recorder();
  const stop = listenInternal(dispatcher, "inner", (connection) => {
    server = connection;
    connection.events = serverLog;
  });
  const clientLog = new Recorder();
  const address = { kind: "internal", name: "inner", endpointId: "" } as const;
  const client = connect(address, { dispatcher, timeoutMs: 0 });
  client.events = clientLog;
  await settle();
  stop();
  return { client, server: server!, clientLog, serverLog, run: (work) => dispatcher.run(work) };
}

Deno.test("an internal connection carries bytes both ways and half-closes", async () => {
  const { client, server, clientLog, serverLog, run } = await connectedPair();
  run(() => {
    client.output.writeLatin1("question");
    client.endWrite();
  });
  await settle();
  assertEquals(serverLog.log, ["data question", "end"]);
  run(() => {
    server.output.writeLatin1("answer");
    server.close("flush_write");
  });
  await settle();
  assertEquals(clientLog.log, ["connected", "data answer", "end"]);
  assertEquals(serverLog.log.at(-1), "close local_close");
});

Deno.test("an internal connection tells its addresses as Envoy does", async () => {
  const { client, server } = await connectedPair();
  const inner = { kind: "internal", name: "inner", endpointId: "" };
  const outside = { kind: "internal", name: "internal_client_address", endpointId: "" };
  assertEquals([client.localAddress, client.remoteAddress], [outside, inner]);
  assertEquals([server.localAddress, server.remoteAddress], [inner, outside]);
});

Deno.test("an internal connection passes back-pressure on", async () => {
  const { client, server, clientLog, run } = await connectedPair();
  client.bufferLimitBytes = 65536;
  run(() => server.readDisable(true));
  run(() => client.output.writeBytes(new Uint8Array(3 * 1024 * 1024)));
  await settle();
  assertEquals(clientLog.log, ["connected", "above"]);
  run(() => server.readDisable(false));
  for (let i = 0; i < 200 && clientLog.log.length < 3; i++) await settle();
  assertEquals(clientLog.log, ["connected", "above", "below"]);
});

Deno.test("an internal connection passes a reset on", async () => {
  const { client, serverLog, run } = await connectedPair();
  run(() => client.close("reset"));
  await settle();
  assertEquals(serverLog.log, ["close remote_reset ECONNRESET"]);
});

Deno.test("an internal listener that is not there refuses as Envoy says it", () => {
  const { dispatcher } = fakeDispatcher();
  const log = new Recorder();
  dispatcher.run(() => {
    const address = { kind: "internal", name: "none", endpointId: "" } as const;
    connect(address, { dispatcher, timeoutMs: 0 }).events = log;
  });
  const why = "immediate connect error: Invalid argument|remote_address:envoy://none/";
  assertEquals(log.log, [`close connect_failure ${why}`]);
});
