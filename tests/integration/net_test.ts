/** The contract of Connection over loopback sockets: native handles and streams, plain and TLS. */

import { type Address, Dispatcher } from "../../src/base/mod.ts";
import {
  ClientTlsContext,
  compileServerTls,
  connect,
  type Connection,
  type ConnectionEvents,
  listen,
  ListenError,
  type ListenSocket,
  SILENT_EVENTS,
  type SocketConnection,
  TESTED_DENO,
  testNativeHandles,
} from "../../src/net/mod.ts";
import type {
  envoy_extensions_transport_sockets_tls_v3_DownstreamTlsContext,
  envoy_extensions_transport_sockets_tls_v3_UpstreamTlsContext,
} from "../../src/proto/mod.ts";
import {
  common,
  downstream,
  file,
  pair,
  params,
  pins,
  statsOf,
  testContext,
  upstream,
  validation,
} from "../net/tls_messages.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";

const LOOPBACK: Address = { kind: "ip", host: "127.0.0.1", port: 0 };

/** One side of a connection and what it was told. */
class Side implements ConnectionEvents {
  readonly log: string[] = [];
  received = 0;
  connection!: SocketConnection;
  readonly closed: Promise<string>;
  #onClosed!: (reason: string) => void;
  #onIdle: (() => void) | undefined;
  echo = false;
  closesAtEnd = true;
  onAboveWriteBufferHighWatermark?: () => void;
  onBelowWriteBufferLowWatermark?: () => void;

  constructor() {
    this.closed = new Promise((resolve) => this.#onClosed = resolve);
  }

  onConnected(): void {
    this.log.push("connected");
    this.#wake();
  }

  onData(bytes: Uint8Array): void {
    this.received += bytes.length;
    if (this.echo) this.connection.output.writeBytes(bytes);
    this.#wake();
  }

  onEnd(): void {
    this.log.push("end");
    if (this.closesAtEnd) this.connection.close("flush_write");
    this.#wake();
  }

  onClose(reason: string, details: string): void {
    this.log.push(`close ${reason}`);
    this.#onClosed(`${reason} ${details}`.trimEnd());
    this.#wake();
  }

  /** Waits until `done` holds; looks after each event. */
  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      await new Promise<void>((resolve) => this.#onIdle = resolve);
    }
  }

  #wake(): void {
    const wake = this.#onIdle;
    this.#onIdle = undefined;
    wake?.();
  }
}

interface Pair {
  readonly server: Side;
  readonly client: Side;
  readonly dispatcher: Dispatcher;
  close(): void;
}

interface PairOptions {
  readonly useNative: boolean;
  readonly address?: Address;
  readonly serverTls?: envoy_extensions_transport_sockets_tls_v3_DownstreamTlsContext;
  readonly clientTls?: envoy_extensions_transport_sockets_tls_v3_UpstreamTlsContext;
  readonly serverName?: string;
  readonly verifiesServerName?: boolean;
  readonly context?: ReturnType<typeof testContext>;
}

function makePair(options: PairOptions): Pair {
  const { useNative } = options;
  const dispatcher = new Dispatcher();
  const { context, problems } = options.context ?? testContext(dispatcher);
  const scope = context.scope;
  const serverTls = options.serverTls === undefined
    ? undefined
    : compileServerTls(options.serverTls, context, scope.scope("server"));
  const clientTls = options.clientTls === undefined
    ? undefined
    : new ClientTlsContext(options.clientTls, context, scope.scope("client"));
  assertEquals(problems.filter((problem) => problem.startsWith("error")), []);
  const server = new Side();
  const client = new Side();
  const socket = listen(options.address ?? LOOPBACK, {
    dispatcher,
    reusePort: false,
    backlog: 16,
    useNative,
    onAccept(connection) {
      server.connection = connection;
      connection.events = server;
      if (serverTls !== undefined) connection.startServerTls(serverTls);
      else server.log.push("accepted");
    },
  });
  const choice = {
    serverName: options.serverName,
    verifiesServerName: options.verifiesServerName === true,
    alpn: [],
  };
  client.connection = connect(socket.address, {
    dispatcher,
    timeoutMs: 5000,
    useNative,
    tls: clientTls?.session(choice, ""),
  });
  client.connection.events = client;
  const close = (): void => {
    socket.close();
    client.connection.close("no_flush");
    dispatcher.timers.stop();
  };
  return { server, client, dispatcher, close };
}

const PLAIN_TLS = {
  serverTls: downstream(common([pair("a")], { alpnProtocols: ["h2", "http/1.1"] })),
  clientTls: upstream(common([], { alpnProtocols: ["http/1.1"] })),
};

const MAX_BYTES = 4 * 1024 * 1024;

for (const useNative of [true, false]) {
  const kind = useNative ? "native handles" : "streams";
  for (const isTls of [false, true]) {
    const tls = isTls ? PLAIN_TLS : {};
    const what = `Connection over ${kind}, ${isTls ? "TLS" : "plain"}`;

    // The streams of Node keep timers and handles of their own beyond a test's end.
    const test = (name: string, run: () => Promise<void>): void =>
      Deno.test({
        name: `${what}: ${name}`,
        sanitizeOps: useNative,
        sanitizeResources: useNative,
        fn: run,
      });

    test("echoes 4 MiB through watermarks and closes on both sides", async () => {
      const { server, client, close } = makePair({ useNative, ...tls });
      server.echo = true;
      server.onAboveWriteBufferHighWatermark = () => server.connection.readDisable(true);
      server.onBelowWriteBufferLowWatermark = () => server.connection.readDisable(false);
      await client.until(() => client.log.includes("connected"));
      server.connection.bufferLimitBytes = 65536;
      client.connection.output.writeBytes(new Uint8Array(MAX_BYTES).fill(7));
      await client.until(() => client.received === MAX_BYTES);
      client.connection.close("flush_write");
      assertEquals(await client.closed, "local_close");
      await server.closed;
      assertEquals(server.log.slice(1), ["end", "close local_close"]);
      assertEquals(server.received, MAX_BYTES);
      close();
    });

    test("goes on reading after endWrite", async () => {
      const { server, client, close } = makePair({ useNative, ...tls });
      server.closesAtEnd = false;
      await client.until(() => client.log.includes("connected"));
      client.connection.output.writeLatin1("question");
      client.connection.endWrite();
      await server.until(() => server.log.includes("end"));
      assertEquals(server.received, 8);
      server.connection.output.writeLatin1("answer");
      server.connection.close("flush_write");
      await client.until(() => client.log.includes("end"));
      assertEquals(client.received, 6);
      await client.closed;
      await server.closed;
      close();
    });

    test("holds bytes while reading is disabled", async () => {
      const { server, client, close } = makePair({ useNative, ...tls });
      await client.until(() => client.log.includes("connected"));
      await server.until(() => server.log.length > 0);
      server.connection.readDisable(true);
      client.connection.output.writeLatin1("wait for it");
      await new Promise((resolve) => setTimeout(resolve, 20));
      assertEquals(server.received, 0);
      server.connection.readDisable(false);
      await server.until(() => server.received === 11);
      client.connection.close("no_flush");
      await server.closed;
      close();
    });

    test("tells the peer of a reset", async () => {
      const { server, client, close } = makePair({ useNative, ...tls });
      await client.until(() => client.log.includes("connected"));
      await server.until(() => server.log.length > 0);
      client.connection.close("reset");
      assertEquals(await client.closed, "local_close");
      // A TLSSocket of Node ends by FIN.
      const want = useNative || !isTls ? /^(remote_reset|remote_close) / : /^(remote|local)_/;
      assertMatch(await server.closed, want);
      close();
    });

    test("lingers for the peer's FIN after its last bytes", async () => {
      const { server, client, close } = makePair({ useNative, ...tls });
      client.closesAtEnd = false;
      await client.until(() => client.log.includes("connected"));
      await server.until(() => server.log.length > 0);
      server.connection.delayedCloseTimeoutMs = 5000;
      server.connection.output.writeLatin1("go away");
      server.connection.close("flush_write_and_delay", "over");
      await client.until(() => client.log.includes("end"));
      assertEquals(client.received, 7);
      assertEquals(server.connection.isClosed, false);
      client.connection.close("flush_write");
      assertEquals(await server.closed, "local_close over");
      await client.closed;
      close();
    });
  }

  Deno.test({
    name: `connect over ${kind} tells of a refused connection`,
    sanitizeOps: useNative,
    sanitizeResources: useNative,
    async fn() {
      const dispatcher = new Dispatcher();
      const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = free.addr as Deno.NetAddr;
      free.close();
      const side = new Side();
      const address: Address = { kind: "ip", host: "127.0.0.1", port };
      side.connection = connect(address, { dispatcher, timeoutMs: 5000, useNative });
      side.connection.events = side;
      assertEquals(
        await side.closed,
        "connect_failure delayed connect error: Connection refused",
      );
      dispatcher.timers.stop();
    },
  });

  Deno.test({
    name: `Unix sockets over ${kind}, abstract ones too`,
    sanitizeOps: useNative,
    sanitizeResources: useNative,
    async fn() {
      const directory = await Deno.makeTempDir();
      for (const path of [`${directory}/s`, `@denvoy-${crypto.randomUUID()}`]) {
        const { server, client, close } = makePair({
          useNative,
          address: { kind: "pipe", path },
        });
        server.echo = true;
        await client.until(() => client.log.includes("connected"));
        client.connection.output.writeLatin1("hello");
        await client.until(() => client.received === 5);
        client.connection.close("flush_write");
        await client.closed;
        await server.closed;
        close();
      }
      await Deno.remove(directory, { recursive: true });
    },
  });
}

Deno.test("listen says in plain words why it cannot bind", () => {
  const dispatcher = new Dispatcher();
  const options = { dispatcher, reusePort: false, backlog: 1, onAccept() {} };
  const first: ListenSocket = listen(LOOPBACK, options);
  let message = "";
  try {
    listen(first.address, options);
  } catch (error) {
    if (error instanceof ListenError) message = `${error.code}: ${error.message}`;
  }
  const port = first.address.kind === "ip" ? first.address.port : 0;
  assertEquals(message, `EADDRINUSE: cannot bind '127.0.0.1:${port}': Address already in use`);
  first.close();
});

Deno.test("connect binds the source address", async () => {
  const dispatcher = new Dispatcher();
  const peers: string[] = [];
  const accepted = new Promise<Connection>((resolve) => {
    const socket = listen(LOOPBACK, {
      dispatcher,
      reusePort: true,
      backlog: 1,
      onAccept(connection) {
        connection.events = SILENT_EVENTS;
        const { remoteAddress } = connection;
        peers.push(remoteAddress.kind === "ip" ? remoteAddress.host : "");
        socket.close();
        resolve(connection);
      },
    });
    connect(socket.address, {
      dispatcher,
      timeoutMs: 5000,
      bindAddress: { kind: "ip", host: "127.0.0.9", port: 0 },
    }).events = { ...SILENT_EVENTS, onEnd() {} };
  });
  const connection = await accepted;
  assertEquals(peers, ["127.0.0.9"]);
  await new Promise<void>((resolve) => {
    connection.events = { ...SILENT_EVENTS, onClose: () => resolve() };
    connection.close("reset");
  });
  dispatcher.timers.stop();
});

Deno.test("the version that needs no self-test before it serves is the one that CI tests", () => {
  const script = Deno.readTextFileSync(new URL("../../.ci/run", import.meta.url));
  assertEquals(/^DENO_VERSION=(.*)$/m.exec(script)?.[1], TESTED_DENO);
});

Deno.test("the self-test of the native handles passes on this Deno", async () => {
  assertEquals(await testNativeHandles(), "");
});

interface HandshakeRow {
  readonly name: string;
  readonly server: envoy_extensions_transport_sockets_tls_v3_DownstreamTlsContext;
  readonly client: envoy_extensions_transport_sockets_tls_v3_UpstreamTlsContext;
  readonly serverName?: string;
  readonly verifiesServerName?: boolean;
  /** What the client's connection knows, or how it closed. */
  readonly want: RegExp;
  readonly stats: readonly string[];
}

const VERIFY_FAILED =
  "transport_failure TLS_error:\\|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify cert failed: ";

const exactDns = (value: string) =>
  [{
    $typeName: "envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher",
    sanType: 2,
    matcher: {
      $typeName: "envoy.type.matcher.v3.StringMatcher",
      matchPattern: { case: "exact", value },
      ignoreCase: false,
    },
    oid: "",
  }] as const;

const plainClient = upstream(common([]));
const HANDSHAKES: HandshakeRow[] = [
  {
    name: "TLS 1.2 is a client's default maximum",
    server: downstream(common([pair("a")])),
    client: plainClient,
    want: /^TLSv1.2 ECDHE-ECDSA-\S+ alpn= peer=CN=a.test,O=Acme\\, Inc.,C=DE validated=false$/,
    stats: ["server.ssl.handshake", "server.ssl.no_certificate", "client.ssl.handshake"],
  },
  {
    name: "the certificate for the server name, by wildcard",
    server: downstream(common([pair("b"), pair("a"), pair("wild")])),
    client: plainClient,
    serverName: "x.wild.test",
    want: /peer=CN=wild.test/,
    stats: ["server.ssl.handshake"],
  },
  {
    name: "the first certificate for a name that nobody has",
    server: downstream(common([pair("b"), pair("a")])),
    client: plainClient,
    serverName: "unknown.test",
    want: /peer=CN=b.test/,
    stats: ["server.ssl.handshake"],
  },
  {
    name: "ALPN by the server's preference",
    server: downstream(common([pair("a")], { alpnProtocols: ["h2", "http/1.1"] })),
    client: upstream(common([], { alpnProtocols: ["http/1.1", "h2"] })),
    want: /alpn=h2/,
    stats: ["server.ssl.handshake"],
  },
  {
    name: "no common ALPN protocol is no error",
    server: downstream(common([pair("a")], { alpnProtocols: ["h2"] })),
    client: upstream(common([], { alpnProtocols: ["http/1.1"] })),
    want: /alpn= /,
    stats: ["server.ssl.handshake"],
  },
  {
    name: "no common version",
    server: downstream(
      common([pair("a")], { tlsParams: params({ tlsMinimumProtocolVersion: 4 }) }),
    ),
    client: plainClient,
    want: /^transport_failure TLS_error:\|268436526:.*TLSV1_ALERT_PROTOCOL_VERSION/,
    stats: ["server.ssl.connection_error", "client.ssl.connection_error"],
  },
  {
    name: "a trusted CA",
    server: downstream(common([pair("a")])),
    client: upstream(common([], { validationContextType: validation() })),
    want: /validated=true$/,
    stats: ["client.ssl.handshake"],
  },
  {
    name: "another CA",
    server: downstream(common([pair("a")])),
    client: upstream(
      common([], { validationContextType: validation({ trustedCa: file("ca2.pem") }) }),
    ),
    want: new RegExp(`${VERIFY_FAILED}X509_verify_cert: .*: unable to get local issuer`),
    stats: ["client.ssl.fail_verify_error"],
  },
  {
    name: "a matching SAN",
    server: downstream(common([pair("a")])),
    client: upstream(
      common([], {
        validationContextType: validation({ matchTypedSubjectAltNames: [...exactDns("A.test")] }),
      }),
    ),
    want: /validated=true$/,
    stats: ["client.ssl.handshake"],
  },
  {
    name: "no matching SAN",
    server: downstream(common([pair("a")])),
    client: upstream(
      common([], {
        validationContextType: validation({ matchTypedSubjectAltNames: [...exactDns("z.test")] }),
      }),
    ),
    want: new RegExp(`${VERIFY_FAILED}SAN matcher, certificate SANs are \\[a.test, spiffe:`),
    stats: ["client.ssl.fail_verify_san"],
  },
  {
    name: "auto_san_validation of another name",
    server: downstream(common([pair("a")])),
    client: upstream(common([], { validationContextType: validation() })),
    serverName: "z.test",
    verifiesServerName: true,
    want: new RegExp(`${VERIFY_FAILED}SAN list`),
    stats: ["client.ssl.fail_verify_san"],
  },
  {
    name: "a pin of another certificate",
    server: downstream(common([pair("a")])),
    client: upstream(
      common([], { validationContextType: pins({ verifyCertificateHash: ["00".repeat(32)] }) }),
    ),
    want: new RegExp(`${VERIFY_FAILED}cert hash and spki`),
    stats: ["client.ssl.fail_verify_cert_hash"],
  },
  {
    name: "an expired certificate",
    server: downstream(common([pair("exp")])),
    client: upstream(common([], { validationContextType: validation() })),
    want: new RegExp(`${VERIFY_FAILED}X509_verify_cert: .* at depth 0: certificate has expired`),
    stats: ["client.ssl.fail_verify_error"],
  },
  {
    name: "an expired certificate that is allowed",
    server: downstream(common([pair("exp")])),
    client: upstream(
      common([], { validationContextType: validation({ allowExpiredCertificate: true }) }),
    ),
    want: /peer=CN=exp.test validated=true$/,
    stats: ["client.ssl.handshake"],
  },
  {
    name: "a revoked certificate",
    server: downstream(common([pair("revoked")])),
    client: upstream(
      common([], { validationContextType: validation({ crl: file("ca.crl") }) }),
    ),
    want: new RegExp(`${VERIFY_FAILED}X509_verify_cert: .*: certificate revoked`),
    stats: ["client.ssl.fail_verify_error"],
  },
  {
    name: "a client certificate that is required",
    server: downstream(common([pair("a")], { validationContextType: validation() }), {
      requireClientCertificate: true,
    }),
    client: upstream(common([pair("client")])),
    want: /^TLSv1.2/,
    stats: ["server.ssl.handshake"],
  },
  {
    name: "a missing client certificate",
    server: downstream(common([pair("a")], { validationContextType: validation() }), {
      requireClientCertificate: true,
    }),
    client: plainClient,
    want: /TLSV1_CERTIFICATE_REQUIRED/,
    stats: ["server.ssl.fail_verify_no_cert", "client.ssl.connection_error"],
  },
];

for (const row of HANDSHAKES) {
  Deno.test(`TLS handshake: ${row.name}`, async () => {
    const parts = testContext();
    const { server, client, close } = makePair({
      useNative: true,
      context: parts,
      serverTls: row.server,
      clientTls: row.client,
      ...(row.serverName === undefined ? {} : { serverName: row.serverName }),
      verifiesServerName: row.verifiesServerName === true,
    });
    await client.until(() => client.log.length > 0);
    const { tls, alpn } = client.connection;
    const got = client.log[0] === "connected"
      ? `${tls?.version} ${tls?.cipher} alpn=${alpn} peer=${tls?.peer?.subject} validated=${tls?.peerCertificateValidated}`
      : await client.closed;
    assertMatch(got, row.want);
    // The server's verdict may come a moment later.
    await server.until(() => server.log.length > 0);
    const stats = statsOf(parts.root);
    for (const name of row.stats) assertEquals(stats.get(name), 1, name);
    client.connection.close("no_flush");
    await client.closed;
    await server.closed;
    close();
  });
}

Deno.test("TLS: a session of an open listener does not resume where certificates are asked for", async () => {
  const parts = testContext();
  const open = compileServerTls(
    downstream(common([pair("a")])),
    parts.context,
    parts.context.scope.scope("open"),
  );
  const strict = compileServerTls(
    downstream(common([pair("a")], { validationContextType: validation() }), {
      requireClientCertificate: true,
    }),
    parts.context,
    parts.context.scope.scope("strict"),
  );
  const client = new ClientTlsContext(
    plainClient,
    parts.context,
    parts.context.scope.scope("client"),
  );
  const dispatcher = new Dispatcher();
  const outcomes: string[] = [];
  for (const tls of [open, open, strict]) {
    const socket = listen(LOOPBACK, {
      dispatcher,
      reusePort: false,
      backlog: 4,
      onAccept(connection) {
        connection.events = {
          ...SILENT_EVENTS,
          onConnected: () => connection.output.writeLatin1("welcome"),
          onEnd: () => connection.close("flush_write"),
        };
        connection.startServerTls(tls);
      },
    });
    const side = new Side();
    const choice = { serverName: undefined, verifiesServerName: false, alpn: [] };
    side.connection = connect(socket.address, {
      dispatcher,
      timeoutMs: 5000,
      tls: client.session(choice, ""),
    });
    side.connection.events = side;
    await side.until(() => side.received > 0 || side.log.some((line) => line.startsWith("close")));
    outcomes.push(side.received > 0 ? "welcome" : "refused");
    side.connection.close("flush_write");
    await side.closed;
    socket.close();
  }
  dispatcher.timers.stop();
  assertEquals(outcomes, ["welcome", "welcome", "refused"]);
});
