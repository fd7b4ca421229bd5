/** Outgoing connections: TCP and Unix, plain or TLS. The answer is a Connection at once; events tell the rest. */

import type { Address, Dispatcher } from "../base/mod.ts";
import { errnoName, errnoText } from "./errno.ts";
import { connectInternal } from "./internal.ts";
import type { SocketAddress } from "./listen.ts";
import type { NativePipe, NativeTcp } from "./native.ts";
import { NativeTransport, newSocket, systemPath } from "./native_transport.ts";
import { usesNativeHandles } from "./socket_choice.ts";
import { SocketConnection, type TlsSession } from "./socket_connection.ts";
import { connectStream } from "./stream_transport.ts";
import type { Preamble } from "./transport.ts";

export interface ConnectOptions {
  readonly dispatcher: Dispatcher;
  /** Source address; port 0 for any port. */
  readonly bindAddress?: Address | undefined;
  /** For the connect and the TLS handshake together; 0: no limit. */
  readonly timeoutMs: number;
  /** The handshake to make, from `ClientTlsConfig.session()`. */
  readonly tls?: TlsSession | undefined;
  /** Written before all else, TLS included. */
  readonly preamble?: Preamble | undefined;
  /** Idle seconds before the first probe; undefined: no keepalive. */
  readonly keepaliveTimeS?: number | undefined;
  /** Whether to use the native handles; default: what the self-test of this thread said. */
  readonly useNative?: boolean | undefined;
}

/** Begins to connect; `events` must be set before the turn ends. Failures come as `onClose`. */
export function connect(address: Address, options: ConnectOptions): SocketConnection {
  const connection = new SocketConnection(options.dispatcher, "connecting");
  if (options.tls !== undefined) connection.setSession(options.tls);
  if (options.preamble !== undefined) connection.preamble = options.preamble;
  if (options.timeoutMs > 0) connection.limitConnect(options.timeoutMs);
  if (address.kind === "internal") {
    connectInternal(connection, address, options.dispatcher);
  } else if (options.useNative ?? usesNativeHandles()) {
    connectNative(connection, address, options);
  } else {
    connectStream(connection, address, options);
  }
  return connection;
}

function connectNative(
  connection: SocketConnection,
  address: SocketAddress,
  options: ConnectOptions,
): void {
  const socket = newSocket(address, false);
  const transport = new NativeTransport(socket, address, connection);
  connection.attach(transport);
  const request = {
    oncomplete(status: number): void {
      if (connection.isClosed) return;
      if (status < 0) {
        const code = errnoName(status);
        connection.onError(code, errnoText(code));
        return;
      }
      transport.open();
      if (options.keepaliveTimeS !== undefined) transport.setKeepAlive(options.keepaliveTimeS);
      connection.onConnected();
    },
  };
  let status = 0;
  const { bindAddress } = options;
  if (bindAddress?.kind === "ip" && address.kind === "ip") {
    const tcp = socket as NativeTcp;
    status = bindAddress.host.includes(":")
      ? tcp.bind6(bindAddress.host, bindAddress.port, 0)
      : tcp.bind(bindAddress.host, bindAddress.port);
  }
  if (status === 0) status = startConnect(socket, address, request);
  if (status < 0) connection.failConnect("immediate", errnoText(errnoName(status)));
}

function startConnect(
  socket: NativeTcp | NativePipe,
  address: SocketAddress,
  request: { oncomplete(status: number): void },
): number {
  if (address.kind === "pipe") return socket.connect(request, systemPath(address.path));
  if (!address.host.includes(":")) return socket.connect(request, address.host, address.port);
  return (socket as NativeTcp).connect6(request, address.host, address.port);
}
