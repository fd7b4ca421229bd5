import { cluster, decode, hcm, hosts, httpFilter, TYPE } from "../builders.ts";
import { assertEquals } from "../../support/assert.ts";

function missing(text: string): string[] {
  return decode(text).problems.filter(({ severity }) => severity.startsWith("unsupported"))
    .map(({ path, severity, hint }) => `${severity} ${path.split(".").at(-1)}: ${hint}`);
}

const ROUTES = "route_config: { name: r }";
const TRACER = `{ name: t, typed_config: { "@type": ${TYPE}envoy.config.trace.v3.ZipkinConfig } }`;
const SINK = `{ name: s, typed_config: { "@type": ${TYPE}envoy.config.metrics.v3.DogStatsdSink } }`;
const OTEL = "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig";

const ROWS = [
  {
    name: "nothing of what is acted on",
    text: hcm(`${ROUTES}, via: x, merge_slashes: true`),
    want: [],
  },
  {
    name: "nothing of a default that is written out",
    text: cluster("name: a, track_timeout_budgets: false, health_checks: []"),
    want: [],
  },
  {
    name: "a field without effect",
    text: cluster("name: a, lrs_report_endpoint_metrics: [x]"),
    want: [
      "unsupported lrs_report_endpoint_metrics: load is not reported",
    ],
  },
  {
    name: "a field that changes routing",
    text: cluster("name: a, filters: [{ name: f }]"),
    want: ["unsupported_refused filters: upstream connections have no network filters"],
  },
  {
    name: "an enum value",
    text: cluster(
      "name: a, health_checks: [{ timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: { path: /, codec_client_type: HTTP3 } }]",
    ),
    want: ["unsupported_refused codec_client_type: HTTP3: HTTP/3 is not spoken"],
  },
  {
    name: "a filter that is lacking",
    text: httpFilter("lua.v3.Lua"),
    want: [
      "unsupported_refused typed_config: envoy.extensions.filters.http.lua.v3.Lua: requests would pass without this filter",
    ],
  },
  {
    name: "tracing",
    text: hcm(`${ROUTES}, tracing: { provider: ${TRACER} }`),
    want: ["unsupported tracing: requests are not traced"],
  },
  {
    name: "a stats sink",
    text: `stats_sinks: [${SINK}]`,
    want: ["unsupported stats_sinks: statistics are not sent, only shown by admin"],
  },
  {
    name: "an access logger",
    text: hcm(
      `${ROUTES}, access_log: [{ name: o, typed_config: { "@type": ${TYPE}${OTEL}, log_name: x } }]`,
    ),
    want: [`unsupported typed_config: ${OTEL}: nothing is logged there`],
  },
  {
    name: "per-route configuration of a filter that is lacking",
    text: hosts(
      `name: v, domains: [a], typed_per_filter_config: { x: { "@type": ${TYPE}envoy.extensions.filters.http.lua.v3.LuaPerRoute, disabled: true } }`,
    ),
    want: [
      'unsupported_refused typed_per_filter_config["x"]: envoy.extensions.filters.http.lua.v3.LuaPerRoute: requests would pass without this filter',
    ],
  },
];
for (const row of ROWS) {
  Deno.test(`support: ${row.name}`, () => assertEquals(missing(row.text), row.want));
}
