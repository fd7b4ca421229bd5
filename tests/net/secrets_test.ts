import {
  ClientHelloParser,
  compileServerTls,
  SECRET_STORE,
  type ServerTlsContext,
  ThreadSecrets,
} from "../../src/net/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { clientHello } from "./hello_builder.ts";
import { common, downstream, pair, statsOf, testContext } from "./tls_messages.ts";

function secret(name: string, certificate: string) {
  return {
    $typeName: "envoy.extensions.transport_sockets.tls.v3.Secret" as const,
    name,
    type: { case: "tlsCertificate" as const, value: pair(certificate) },
  };
}

const CONFIG_SOURCE = {
  $typeName: "envoy.config.core.v3.ConfigSource" as const,
  authorities: [],
  configSourceSpecifier: { case: undefined },
  resourceApiVersion: 2,
};

function byName(name: string, sdsConfig: object | undefined) {
  return common([], {
    tlsCertificateSdsSecretConfigs: [{
      $typeName: "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig",
      name,
      ...(sdsConfig === undefined ? {} : { sdsConfig: sdsConfig as never }),
    }],
  });
}

/** Subject of the certificate a client would get, or why it gets none. */
function served(tls: ServerTlsContext): string {
  const parser = new ClientHelloParser();
  parser.parse(clientHello({ serverName: "x.test" }));
  const session = tls.session(parser.hello!);
  if (typeof session === "string") return session;
  return session.start.material.cert!.includes(firstLine("a.pem")) ? "a" : "other";
}

function firstLine(file: string): string {
  const text = Deno.readTextFileSync(new URL(`./testdata/${file}`, import.meta.url));
  return text.split("-----BEGIN CERTIFICATE-----")[1]!.split("\n")[1]!;
}

Deno.test("a static secret is there at once", () => {
  const secrets = new ThreadSecrets();
  secrets.addStatic([secret("edge", "a")]);
  const { context, problems } = testContext(undefined, new Map([[SECRET_STORE, secrets]]));
  const tls = compileServerTls(downstream(byName("edge", undefined)), context, context.scope);
  assertEquals([problems, served(tls)], [[], "a"]);
});

Deno.test("connections are refused until SDS has sent the certificate, then get the newest", () => {
  const secrets = new ThreadSecrets();
  const { context, problems, root } = testContext(
    undefined,
    new Map([[SECRET_STORE, secrets]]),
  );
  const scope = context.scope.scope("l");
  const tls = compileServerTls(downstream(byName("edge", CONFIG_SOURCE)), context, scope);
  assertEquals(problems, []);
  assertEquals(served(tls), "TLS_error:|Secret is not supplied by SDS:TLS_error_end");
  secrets.set(secret("edge", "wild"));
  assertEquals(served(tls), "other");
  secrets.set(secret("edge", "a"));
  assertEquals(served(tls), "a");
  const stats = statsOf(root);
  const factory = "l.server_ssl_socket_factory";
  assertEquals(stats.get(`${factory}.downstream_context_secrets_not_ready`), 1);
  assertEquals(stats.get(`${factory}.ssl_context_update_by_sds`), 2);
});
