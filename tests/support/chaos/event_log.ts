/** Reads the event logs of health checks and ejections, as far as they are written. */

/** One event of a host, in the order of the file. */
export interface HostEvent {
  readonly cluster: string;
  readonly address: string;
  /** `healthy`, `unhealthy`, `failure`; `EJECT`, `UNEJECT`, `DETECT` of what is not enforced. */
  readonly kind: string;
  /** Why: `NETWORK_TIMEOUT`, `CONSECUTIVE_5XX`, … */
  readonly cause: string;
  /** It was the host's first check. */
  readonly isFirst: boolean;
  /** Ejections so far. */
  readonly ejections: number;
}

interface HealthLine {
  readonly cluster_name: string;
  readonly host: { readonly socket_address: { readonly address: string } };
  readonly add_healthy_event?: { readonly first_check: boolean };
  readonly eject_unhealthy_event?: { readonly failure_type: string };
  readonly health_check_failure_event?: { readonly failure_type: string };
}

interface OutlierLine {
  readonly cluster_name: string;
  readonly upstream_url: string;
  readonly action: string;
  readonly type: string;
  readonly num_ejections: number;
  readonly enforced: boolean;
}

/** What `envoy.data.core.v3.HealthCheckEvent` lines tell. */
export function readHealthLog(path: string): HostEvent[] {
  return readLines<HealthLine>(path).map((line) => {
    const [kind, failure] = line.add_healthy_event !== undefined
      ? ["healthy", undefined]
      : line.eject_unhealthy_event !== undefined
      ? ["unhealthy", line.eject_unhealthy_event]
      : ["failure", line.health_check_failure_event];
    return {
      cluster: line.cluster_name,
      address: line.host.socket_address.address,
      kind: kind as string,
      cause: failure?.failure_type ?? "",
      isFirst: line.add_healthy_event?.first_check === true,
      ejections: 0,
    };
  });
}

/** What `envoy.data.cluster.v3.OutlierDetectionEvent` lines tell. */
export function readOutlierLog(path: string): HostEvent[] {
  return readLines<OutlierLine>(path).map((line) => ({
    cluster: line.cluster_name,
    address: line.upstream_url.split(":")[0]!,
    kind: line.action === "EJECT" && !line.enforced ? "DETECT" : line.action,
    cause: line.type,
    isFirst: false,
    ejections: line.num_ejections,
  }));
}

/** Events of one host in one cluster. */
export function eventsOf(
  events: readonly HostEvent[],
  cluster: string,
  address: string,
): HostEvent[] {
  return events.filter((event) => event.cluster === cluster && event.address === address);
}

/** Events come as whole lines in one write each: the last is never half. */
function readLines<T>(path: string): T[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    return []; // Nothing has happened yet.
  }
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as T);
}
