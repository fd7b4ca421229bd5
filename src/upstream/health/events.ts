/** Health check events as JSON lines (envoy.data.core.v3.HealthCheckEvent). */

import type { Address, BaseCompileContext } from "../../base/mod.ts";
import type {
  envoy_config_core_v3_HealthCheck,
  envoy_extensions_health_check_event_sinks_file_v3_HealthCheckEventFileSink,
} from "../../proto/mod.ts";
import { eventAddress, EventFile, eventTime } from "../event_file.ts";
import type { LocalityData } from "../resource.ts";

const FILE_SINK = "envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink";
const TYPES: Readonly<Record<string, string>> = {
  "envoy.config.core.v3.HealthCheck.HttpHealthCheck": "HTTP",
  "envoy.config.core.v3.HealthCheck.TcpHealthCheck": "TCP",
  "envoy.config.core.v3.HealthCheck.GrpcHealthCheck": "GRPC",
};

/** Why a host failed, by its name in the event. */
export type FailureType = "ACTIVE" | "PASSIVE" | "NETWORK" | "NETWORK_TIMEOUT";

/** The host that an event tells of. */
export interface EventHost {
  readonly address: Address;
  readonly locality: LocalityData;
  readonly metadata: { readonly [filter: string]: unknown } | undefined;
}

/** One failed check. */
export interface FailureFacts {
  readonly type: FailureType;
  readonly httpStatus: number | undefined;
}

/** Writes the events of one cluster's checks; without a file it does nothing. */
export class HealthEvents {
  readonly files: readonly EventFile[];
  readonly #cluster: string;
  readonly #type: string;
  readonly #wallMs: () => number;

  constructor(
    check: envoy_config_core_v3_HealthCheck,
    cluster: string,
    context: BaseCompileContext,
  ) {
    this.#cluster = cluster;
    this.#type = TYPES[check.healthChecker.value?.$typeName ?? ""] ?? "HTTP";
    this.#wallMs = () => context.dispatcher.clock.wallMs();
    this.files = logPaths(check, context).map((path) => new EventFile(path));
  }

  addHealthy(host: EventHost, isFirst: boolean): void {
    this.#write(host, { add_healthy_event: { first_check: isFirst } });
  }

  ejectUnhealthy(host: EventHost, failure: FailureFacts): void {
    this.#write(host, { eject_unhealthy_event: this.#failureJson(failure, {}) });
  }

  failure(host: EventHost, failure: FailureFacts, isFirst: boolean): void {
    const event = this.#failureJson(failure, { first_check: isFirst });
    this.#write(host, { health_check_failure_event: event });
  }

  success(host: EventHost): void {
    this.#write(host, { successful_health_check_event: {} });
  }

  degraded(host: EventHost, isDegraded: boolean): void {
    const name = isDegraded ? "degraded_healthy_host" : "no_longer_degraded_host";
    this.#write(host, { [name]: {} });
  }

  #write(host: EventHost, event: object): void {
    if (this.files.length === 0) return;
    const { region, zone, subZone } = host.locality;
    const line = {
      health_checker_type: this.#type,
      host: eventAddress(host.address),
      cluster_name: this.#cluster,
      ...event,
      timestamp: eventTime(this.#wallMs()),
      ...(host.metadata === undefined
        ? {}
        : { metadata: { filter_metadata: host.metadata, typed_filter_metadata: {} } }),
      locality: { region, zone, sub_zone: subZone },
    };
    for (const file of this.files) file.write(line);
  }

  /** HTTP checks name a status always: 0 where none came. */
  #failureJson({ type, httpStatus }: FailureFacts, more: object): object {
    const status = this.#type === "HTTP" ? { http_status_code: httpStatus ?? 0 } : {};
    return { failure_type: type, ...more, ...status };
  }
}

/** The older `event_log_path` and the file sinks of `event_logger`. */
function logPaths(
  check: envoy_config_core_v3_HealthCheck,
  context: BaseCompileContext,
): string[] {
  const paths = check.eventLogPath === "" ? [] : [check.eventLogPath];
  check.eventLogger.forEach((sink, i) => {
    const config = sink.typedConfig;
    if (config?.$typeName === FILE_SINK) {
      const { eventLogPath } =
        config as envoy_extensions_health_check_event_sinks_file_v3_HealthCheckEventFileSink;
      paths.push(eventLogPath);
    } else {
      context.problems.unsupported(check, `event_logger[${i}]`, "events go to files only");
    }
  });
  return paths;
}
