// The admin's socket before its rooms are loaded: which addresses it takes, and who waits there.
import { Dispatcher, formatAddress } from "../../src/base/mod.ts";
import type { SocketConnection } from "../../src/net/mod.ts";
import type { envoy_config_core_v3_Address } from "../../src/proto/mod.ts";
import { AdminDoor, doorAddress } from "../../src/server/admin_door.ts";
import { assertEquals } from "../support/assert.ts";
import { decodeMessage } from "../support/messages.ts";

const ADDRESSES: { name: string; address: object; want: string | undefined }[] = [
  {
    name: "IPv4 with a port",
    address: { socket_address: { address: "127.0.0.1", port_value: 9901 } },
    want: "127.0.0.1:9901",
  },
  {
    name: "IPv6 with a port",
    address: { socket_address: { address: "::1", port_value: 0 } },
    want: "[::1]:0",
  },
  { name: "a Unix socket", address: { pipe: { path: "/tmp/admin.sock" } }, want: undefined },
  {
    name: "a name",
    address: { socket_address: { address: "localhost", port_value: 1 } },
    want: undefined,
  },
  {
    name: "a named port",
    address: { socket_address: { address: "127.0.0.1", named_port: "http" } },
    want: undefined,
  },
  {
    name: "UDP",
    address: { socket_address: { protocol: "UDP", address: "127.0.0.1", port_value: 1 } },
    want: undefined,
  },
];

for (const { name, address, want } of ADDRESSES) {
  Deno.test(`the door of ${name}`, async () => {
    const { message } = await decodeMessage<envoy_config_core_v3_Address>(
      "envoy.config.core.v3.Address",
      address,
    );
    const found = doorAddress(message);
    assertEquals(found === undefined ? undefined : formatAddress(found), want);
  });
}

Deno.test("who knocks waits for the new owner, and no byte is lost", async () => {
  const dispatcher = new Dispatcher();
  const knocked = Promise.withResolvers<void>();
  const door = new AdminDoor({ kind: "ip", host: "127.0.0.1", port: 0 }, {
    dispatcher,
    onKnock: knocked.resolve,
  });
  const { address } = door;
  if (address.kind !== "ip") throw new Error("bound to no IP");
  const client = await Deno.connect({ hostname: address.host, port: address.port });
  await client.write(new TextEncoder().encode("GET"));
  await knocked.promise;
  const read = Promise.withResolvers<string>();
  const taken: SocketConnection[] = [];
  const socket = door.handOver((connection) => {
    taken.push(connection);
    connection.events = {
      onData: (bytes) => read.resolve(new TextDecoder().decode(bytes)),
      onEnd() {},
      onClose() {},
    };
  });
  assertEquals(await read.promise, "GET");
  assertEquals(taken.length, 1);
  for (const connection of taken) connection.close("no_flush");
  door.close();
  socket.close();
  client.close();
  dispatcher.timers.stop();
});
