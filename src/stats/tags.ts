/**
 * Envoy's default tag extraction (well_known_names.cc): parts of a stat's name that become labels.
 * Rules run in order over the whole name; each takes at most one value, and what they matched is
 * removed from the name at the end. Used when an operator asks, never per request.
 */

/** A label: Envoy's tag name (`envoy.cluster_name`) and its value. */
export interface StatTag {
  readonly name: string;
  readonly value: string;
}

/** A stat's name without its tags, and the tags in the order of the rules. */
export interface TaggedName {
  readonly name: string;
  readonly tags: readonly StatTag[];
}

interface TagRule {
  readonly tag: string;
  /** Group 1 is removed from the name, group 2 is the value. */
  readonly regex: RegExp;
}

const rule = (tag: string, source: string): TagRule => ({
  tag: `envoy.${tag}`,
  regex: new RegExp(source, "d"),
});

/** `$` takes a token (up to a dot), `*` skips one, a trailing `**` skips the rest. */
function tokenized(tag: string, pattern: string): TagRule {
  const tokens = pattern.split(".");
  const rest = tokens[tokens.length - 1] === "**";
  if (rest) tokens.pop();
  const parts = tokens.map((token, i) => {
    const last = i === tokens.length - 1 && !rest;
    if (token === "$") return last ? "(\\.([^.]+))" : "(([^.]+)\\.)";
    return token === "*" ? "[^.]+" : token;
  });
  let source = "^";
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    source += part;
    const next = parts[i + 1];
    const closed = part.endsWith("\\.)") || next?.startsWith("(\\.") === true;
    if (!closed && (next !== undefined || rest)) source += "\\.";
  }
  return rule(tag, rest ? source : `${source}$`);
}

const RULES: readonly TagRule[] = [
  rule("response_code", "_rq(_(\\d{3}))$"),
  rule("response_code_class", "_rq_((\\d))xx$"),
  rule("grpc_bridge_method", "^cluster\\..*?\\.grpc\\..*\\.((.*?)\\.)\\w+?$"),
  tokenized("http_user_agent", "http.*.user_agent.$.**"),
  tokenized("virtual_cluster", "vhost.*.vcluster.$.**"),
  tokenized("fault_downstream_cluster", "http.*.fault.$.**"),
  rule("ssl_cipher", "^listener\\..*?\\.ssl\\.ciphers(\\.([0-9A-Za-z_-]+))$"),
  tokenized("ssl_cipher", "cluster.*.ssl.ciphers.$"),
  tokenized("grpc_bridge_service", "cluster.*.grpc.$.**"),
  tokenized("tcp_prefix", "tcp.$.**"),
  tokenized("udp_prefix", "udp.$.**"),
  tokenized("clientssl_prefix", "auth.clientssl.$.**"),
  tokenized("ratelimit_prefix", "ratelimit.$.**"),
  tokenized("cluster_name", "cluster.$.**"),
  rule("http_conn_manager_prefix", "^listener\\..*?\\.http\\.(([^.]+)\\.)"),
  tokenized("http_conn_manager_prefix", "http.$.**"),
  rule("listener_address", "^listener\\.(([_.\\d]+|[_\\[\\]a-fA-F\\d]+)\\.)"),
  tokenized("virtual_host", "vhost.$.**"),
  tokenized("mongo_prefix", "mongo.$.**"),
  rule("rds_route_config", "^http\\.[^.]+\\.rds\\.((.+)\\.)\\w+?$"),
  rule("worker_id", "^(?:server|listener_manager)\\.(worker_(\\d+)\\.)"),
  tokenized("route", "vhost.*.route.$.**"),
  tokenized("connection_limit_prefix", "connection_limit.$.**"),
];

/** Takes the default tags out of a stat's full name. */
export function extractTags(fullName: string): TaggedName {
  const tags: StatTag[] = [];
  const cuts: [number, number][] = [];
  const seen = new Set<string>();
  for (const { tag, regex } of RULES) {
    if (seen.has(tag)) continue;
    const match = regex.exec(fullName);
    const cut = match?.indices?.[1];
    if (match === null || cut === undefined) continue;
    seen.add(tag);
    tags.push({ name: tag, value: match[2]! });
    cuts.push(cut);
  }
  if (cuts.length === 0) return { name: fullName, tags };
  cuts.sort((a, b) => a[0] - b[0]);
  let name = "";
  let at = 0;
  for (const [start, end] of cuts) {
    if (start < at) {
      at = Math.max(at, end);
      continue;
    }
    name += fullName.slice(at, start);
    at = end;
  }
  return { name: name + fullName.slice(at), tags };
}
