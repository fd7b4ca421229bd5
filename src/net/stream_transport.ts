/**
 * The transport where the native handles do not work: the public streams of `node:net` and
 * `node:tls` behind the same face. Dearer in memory, not other in behaviour. TLS lies over the
 * net.Socket itself: over a Duplex one ClientHello ends the process (prototypes/tls/FACTS.md, 3).
 */

import { Buffer } from "node:buffer";
import type net from "node:net";
import type tls from "node:tls";
import { type Address, nodeNet, nodeTls, unmapIpv4 } from "../base/mod.ts";
import type { ConnectOptions } from "./connect.ts";
import { errnoText } from "./errno.ts";
import {
  ListenError,
  type ListenOptions,
  type ListenSocket,
  type SocketAddress,
} from "./listen.ts";
import { systemPath } from "./native_transport.ts";
import { SocketConnection } from "./socket_connection.ts";
import type {
  TlsFacts,
  TlsMaterial,
  TlsStart,
  Transport,
  TransportEvents,
  WriteResult,
} from "./transport.ts";

interface CodedError extends Error {
  readonly code?: string;
}

class StreamTransport implements Transport {
  readonly events: TransportEvents;
  readonly #socket: net.Socket;
  readonly #target: Address | undefined;
  #tls: tls.TLSSocket | undefined;
  #isServer = false;
  #isClosed = false;
  readonly #onWrite: (error?: Error | null) => void;

  constructor(socket: net.Socket, target: Address | undefined, events: TransportEvents) {
    this.events = events;
    this.#socket = socket;
    this.#target = target;
    this.#onWrite = (error) => {
      if (!this.#isClosed && (error === undefined || error === null)) this.events.onWritten();
    };
    this.#listen(socket);
    socket.pause();
  }

  readStart(): void {
    (this.#tls ?? this.#socket).resume();
  }

  readStop(): void {
    (this.#tls ?? this.#socket).pause();
  }

  write(bytes: Uint8Array): WriteResult {
    (this.#tls ?? this.#socket).write(bytes, this.#onWrite);
    return "pending";
  }

  shutdown(): void {
    (this.#tls ?? this.#socket).end(() => {
      if (!this.#isClosed) this.events.onShutdown();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#tls?.destroy();
    this.#socket.destroy();
  }

  reset(): void {
    this.#isClosed = true;
    // Under TLS Node closes the socket by FIN all the same.
    (this.#tls ?? this.#socket).resetAndDestroy();
    this.#socket.destroy();
  }

  localAddress(): Address {
    const { localAddress, localPort } = this.#socket;
    if (localAddress === undefined) return this.#target ?? { kind: "pipe", path: "" };
    return { kind: "ip", host: unmapIpv4(localAddress), port: localPort ?? 0 };
  }

  remoteAddress(): Address {
    const { remoteAddress, remotePort } = this.#socket;
    if (this.#target !== undefined) return this.#target;
    if (remoteAddress === undefined) return { kind: "pipe", path: "" };
    return { kind: "ip", host: unmapIpv4(remoteAddress), port: remotePort ?? 0 };
  }

  startTls(start: TlsStart, first: Uint8Array | undefined): string {
    const socket = this.#socket;
    socket.pause();
    socket.removeAllListeners("data").removeAllListeners("end");
    if (first !== undefined) socket.unshift(Buffer.from(first));
    this.#isServer = start.isServer;
    const options = {
      ...definedOf(start.material),
      ALPNProtocols: [...start.alpnProtocols],
      rejectUnauthorized: start.isServer && start.material.rejectUnauthorized,
    };
    try {
      this.#tls = start.isServer
        ? new (nodeTls().TLSSocket)(socket, { ...options, isServer: true })
        : nodeTls().connect({ ...options, socket, servername: start.serverName });
    } catch (error) {
      return (error as Error).message;
    }
    this.#listen(this.#tls);
    const secure = start.isServer ? "secure" : "secureConnect";
    this.#tls.on(secure, () => {
      if (!this.#isClosed) this.events.onSecure();
    });
    return "";
  }

  tlsFacts(): TlsFacts | undefined {
    const socket = this.#tls;
    if (socket === undefined) return undefined;
    const error = socket.authorizationError as unknown;
    const isAnonymous = this.#isServer && socket.getPeerCertificate().raw === undefined;
    return {
      alpn: socket.alpnProtocol || "",
      version: socket.getProtocol() ?? "",
      cipher: socket.getCipher()?.name ?? "",
      isResumed: socket.isSessionReused(),
      peerChain: chainOf(socket),
      verifyError: isAnonymous || !error ? "" : String((error as CodedError).code ?? error),
    };
  }

  #listen(stream: net.Socket): void {
    stream.on("data", (bytes: Uint8Array) => {
      if (!this.#isClosed) this.events.onBytes(bytes);
    });
    stream.on("end", () => {
      if (!this.#isClosed) this.events.onEof();
    });
    stream.on("error", (error: CodedError) => {
      if (this.#isClosed) return;
      const code = error.code ?? "EIO";
      this.events.onError(code, code.startsWith("E") ? errnoText(code) : error.message);
    });
  }
}

/** Node takes no `undefined` for an option. */
function definedOf(material: TlsMaterial): tls.SecureContextOptions & { requestCert?: boolean } {
  const entries = Object.entries(material).filter((entry) => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

function chainOf(socket: tls.TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate: tls.DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // A self-signed certificate is its own issuer.
  while (certificate?.raw !== undefined && chain.length < 16) {
    chain.push(certificate.raw);
    const issuer: tls.DetailedPeerCertificate = certificate.issuerCertificate;
    certificate = issuer === certificate ? undefined : issuer;
  }
  return chain;
}

function optionsOf(address: SocketAddress): { path: string } | {
  host: string;
  port: number;
} {
  if (address.kind === "ip") return { host: address.host, port: address.port };
  return { path: systemPath(address.path) };
}

/** @param keepaliveTimeS seconds of silence before the system probes the peer */
function setOptions(
  socket: net.Socket,
  address: SocketAddress,
  keepaliveTimeS: number | undefined,
): void {
  if (address.kind === "ip") socket.setNoDelay(true);
  if (keepaliveTimeS !== undefined) socket.setKeepAlive(true, keepaliveTimeS * 1000);
}

/** Begins to connect by `node:net`. */
export function connectStream(
  connection: SocketConnection,
  address: SocketAddress,
  options: ConnectOptions,
): void {
  const { bindAddress } = options;
  const source = bindAddress?.kind === "ip"
    ? { localAddress: bindAddress.host, localPort: bindAddress.port }
    : {};
  const socket = nodeNet().connect({
    ...optionsOf(address),
    ...source,
    allowHalfOpen: true,
  } as net.NetConnectOpts);
  connection.attach(new StreamTransport(socket, address, connection));
  socket.once("connect", () => {
    setOptions(socket, address, options.keepaliveTimeS);
    connection.onConnected();
  });
}

/**
 * Binds and listens by `node:net`, which binds in a later turn: a bind of our own goes ahead, so that
 * the port and any error are known at once. @throws {ListenError}
 */
export function listenStream(address: SocketAddress, options: ListenOptions): ListenSocket {
  const bound = probe(address, options);
  const { dispatcher } = options;
  const server = nodeNet().createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    dispatcher.run(() => accept(socket));
  });
  const result: ListenSocket = {
    address: bound,
    onAccept: (connection) => options.onAccept(connection),
    close: () => server.close(),
  };
  const target = address.kind === "pipe" ? address : undefined;
  const accept = (socket: net.Socket): void => {
    setOptions(socket, address, options.keepaliveTimeS);
    const connection = new SocketConnection(dispatcher, "open");
    connection.attach(new StreamTransport(socket, target, connection));
    result.onAccept(connection);
    connection.start();
  };
  server.on("error", (error: CodedError) => {
    if (error.code === "EMFILE" || error.code === "ENFILE") options.onOverflow?.();
    else dispatcher.report(new ListenError(address, error.code ?? "EIO"));
  });
  server.listen({
    ...optionsOf(bound),
    backlog: options.backlog,
    reusePort: options.reusePort && bound.kind === "ip",
    ipv6Only: bound.kind === "ip" && bound.host.includes(":"),
  });
  return result;
}

/** The address with its real port. */
function probe(address: SocketAddress, options: ListenOptions): SocketAddress {
  if (address.kind === "pipe") return address;
  try {
    const { host: hostname, port } = address;
    const listener = Deno.listen({ hostname, port, reusePort: options.reusePort });
    const { addr } = listener;
    listener.close();
    return { kind: "ip", host: hostname, port: (addr as Deno.NetAddr).port };
  } catch (error) {
    throw new ListenError(address, (error as CodedError).code ?? "EIO");
  }
}
