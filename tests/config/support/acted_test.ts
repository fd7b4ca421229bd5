// What the tables call acted on must be named by the code of some room: a field by its name in
// code, an extension by its type. Naming is not acting, but nothing acts without naming.
import { SUPPORT } from "../../../src/config/support/report.ts";
import type { MessageSupport } from "../../../src/config/support/table.ts";
import { type FieldDescriptor, loadKnownTypes, loadRegistry } from "../../../src/proto/registry.ts";
import { assertEquals } from "../../support/assert.ts";

const SOURCE = new URL("../../../src/", import.meta.url);
const registry = await loadRegistry();

/** Fields that need no code, as `Message.field` or `Message` for all of its fields. */
const UNNAMED: Readonly<Record<string, string>> = {
  "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext.require_sni":
    "without effect in Envoy 1.40 too (seen on the binary): doing nothing is doing as Envoy",
  "envoy.config.bootstrap.v3.Bootstrap.bootstrap_extensions":
    "an extension without a row is reported, the one that has one needs no start",
  "envoy.config.bootstrap.v3.Bootstrap.default_regex_engine": "RE2 is the only engine there is",
  "envoy.config.cluster.v3.Cluster.upstream_config": "names pools that the router uses anyway",
  "envoy.config.core.v3.ConfigSource.initial_fetch_timeout": "a file answers at once",
  "envoy.config.core.v3.ConfigSource.resource_api_version":
    "there is no other version; files of Envoy 1.40 need not say it",
  "envoy.config.core.v3.Extension": "part of the node, for management servers",
  "envoy.config.core.v3.Http2ProtocolOptions.use_oghttp2_codec": "chooses between equal codecs",
  "envoy.config.core.v3.Metadata.typed_filter_metadata": "read by extensions that have no row",
  "envoy.config.core.v3.Node": "what no code reads is for management servers",
  "envoy.config.core.v3.SubstitutionFormatString.json_format_options":
    "properties are always sorted, as by Envoy",
  "envoy.config.route.v3.RateLimit": "read by rate limit filters, which have no row",
  "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig.allow_insecure_cluster_options":
    "lets the cluster pass a check of the configuration",
  "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector.initial_read_buffer_size":
    "a size to begin with, not a bound",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.append_local_overload":
    "nothing is shed that the header would tell of",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.path_normalization_options":
    "Envoy does not act on it either",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.PathNormalizationOptions":
    "Envoy does not act on it either",
  "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig":
    "what differs from the defaults is reported by the codec's options",
  "envoy.extensions.transport_sockets.tls.v3.Secret.generic_secret":
    "read by filters that have no row",
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.use_downstream_protocol_config":
    "the case that is left when the others are ruled out",
  "envoy.type.http.v3.PathTransformation": "Envoy does not act on it either",
  "envoy.type.matcher.v3.ListMatcher.one_of": "the only case of its oneof",
  "envoy.type.v3.SemanticVersion": "part of the node, for management servers",
  "xds.type.matcher.v3.RegexMatcher.google_re2": "the only engine there is",
};

/** Extensions that need no code. */
const UNNAMED_TYPES: Readonly<Record<string, string>> = {
  "envoy.config.core.v3.SubstitutionFormatString": "named by the types of its holders",
  "envoy.extensions.bootstrap.internal_listener.v3.InternalListener":
    "internal listeners need no start of their own",
  "envoy.extensions.regex_engines.v3.GoogleRE2": "the only engine there is",
  "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig": "the only one of its category",
};

/** Whether the code has the type's name; a room may hold a package's names without the package. */
function isNamed(typeName: string): boolean {
  const short = typeName.slice(typeName.lastIndexOf(".") + 1);
  if (short === "Config") return CODE.includes(typeName);
  return new RegExp(`["'.}]${short}["'\`]|^\\s+${short}:`, "m").test(CODE);
}

/** The code of all rooms but the two that know every field, without comments. */
function code(folder: URL): string {
  let text = "";
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) {
      if (folder.href !== SOURCE.href || (name !== "config" && name !== "proto")) {
        text += code(new URL(`${name}/`, folder));
      }
    } else if (name.endsWith(".ts")) text += Deno.readTextFileSync(new URL(name, folder));
  }
  return text.replace(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");
}

const CODE = code(SOURCE);
const NAMED: ReadonlySet<string> = new Set(CODE.match(/[A-Za-z_]\w*/g));

function isActed(field: FieldDescriptor, support: MessageSupport): boolean {
  if (support.refused?.[field.name] !== undefined) return false;
  return support.acted === "*" || support.acted.split(" ").includes(field.name);
}

/** The reason for `name` or for a message around it. */
function excuse(name: string): string | undefined {
  for (let at = name; at.includes("."); at = at.slice(0, at.lastIndexOf("."))) {
    if (UNNAMED[at] !== undefined) return at;
  }
  return undefined;
}

const ACTED: readonly (readonly [string, FieldDescriptor])[] = Object.entries(SUPPORT).flatMap(
  ([name, support]) =>
    (registry.getMessage(name)?.fields ?? []).filter((field) => isActed(field, support))
      .map((field) => [`${name}.${field.name}`, field] as const),
);

Deno.test("a field that counts as acted on is named by the code of a room", () => {
  const unnamed = ACTED.filter(([, field]) => !field.isDeprecated && !NAMED.has(field.localName))
    .map(([name]) => name);
  assertEquals(unnamed.filter((name) => excuse(name) === undefined), []);
  const used = new Set(unnamed.map(excuse));
  assertEquals(Object.keys(UNNAMED).filter((name) => !used.has(name)), [], "needless exceptions");
});

Deno.test("an extension that has a row is named by the code of a room", () => {
  const known = loadKnownTypes();
  const unnamed = Object.keys(SUPPORT).filter((name) =>
    known.extensionsOf(name).length > 0 && !isNamed(name)
  );
  assertEquals(unnamed.filter((name) => UNNAMED_TYPES[name] === undefined), []);
  assertEquals(Object.keys(UNNAMED_TYPES).filter((name) => !unnamed.includes(name)), []);
});

Deno.test("an extension that a registry loads has a row", () => {
  const types = [...CODE.matchAll(/^\s+type: "([\w.]+)",$/gm)].map(([, type]) => type!)
    .filter((type) => registry.getMessage(type) !== undefined);
  assertEquals(types.filter((type) => SUPPORT[type] === undefined), []);
});
