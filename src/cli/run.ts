/** `denvoy -c FILE`: from flags to an exit code. */

import { hostname } from "node:os";
import {
  findProblems,
  installSignals,
  type LoadOptions,
  logLevels,
  type Process,
  serve,
  type ServeOptions,
} from "../server/mod.ts";
import { helpText, type Options, parseFlags } from "./flags.ts";
import { reportVerdict } from "./validate.ts";

/** denvoy's own version. */
export const VERSION = "0.1.0";
const ENCODER = new TextEncoder();

/** Runs the command line. @param pool other workers than the usual @returns the exit code */
export async function run(
  args: readonly string[],
  pool: NonNullable<ServeOptions["pool"]> = {},
): Promise<number> {
  const parsed = parseFlags(args, navigator.hardwareConcurrency);
  if (parsed.error !== undefined) {
    complain(`denvoy: ${parsed.error}\n\n${helpText()}`);
    return 1;
  }
  const { options } = parsed;
  if (options.showHelp) return say(helpText());
  if (options.showVersion) return say(`denvoy ${VERSION} (Envoy 1.40 API)`);
  if (options.configPath === undefined && options.configYaml === undefined) {
    complain(
      "denvoy: at least one of --config-path and --config-yaml must be given; see --help",
    );
    return 1;
  }
  if (options.mode === "validate") return await validate(options);
  return await runServer(options, pool);
}

async function validate(options: Options): Promise<number> {
  const problems = await findProblems(loadOptions(options));
  return reportVerdict(options.configPath ?? "--config-yaml", problems, {
    stdout: say,
    stderr: complain,
  });
}

async function runServer(
  options: Options,
  pool: NonNullable<ServeOptions["pool"]>,
): Promise<number> {
  const process: Process = {
    drainTimeMs: options.drainTimeS * 1000,
    drainsAtOnce: options.drainStrategy === "immediate",
    fileFlushIntervalMs: options.fileFlushIntervalMs,
    adminAddressPath: options.adminAddressPath,
    logLevels: logLevels(options.logLevel, options.componentLogLevels),
    logOptions: { format: options.logFormat, path: options.logPath },
    commandLine: commandLine(options),
    complain,
    onSignals: installSignals,
  };
  return await serve({
    load: loadOptions(options),
    process,
    concurrency: options.concurrency,
    isInitOnly: options.mode === "init_only",
    isQuiet: ["error", "critical", "off"].includes(options.logLevel),
    pool,
  });
}

function loadOptions(options: Options): LoadOptions {
  return {
    configPath: options.configPath,
    configYaml: options.configYaml,
    serviceNode: options.serviceNode,
    serviceCluster: options.serviceCluster,
    serviceZone: options.serviceZone,
    hostname: hostname(),
    version: VERSION,
    drainTimeMs: options.drainTimeS * 1000,
    drainsAtOnce: options.drainStrategy === "immediate",
  };
}

/** `command_line_options` of /server_info. */
function commandLine(options: Options): Process["commandLine"] {
  return {
    base_id: String(options.baseId),
    concurrency: options.concurrency,
    config_path: options.configPath ?? "",
    config_yaml: options.configYaml ?? "",
    admin_address_path: options.adminAddressPath ?? "",
    log_level: options.logLevel,
    component_log_level: [...options.componentLogLevels].map((pair) => pair.join(":")).join(","),
    log_format: options.logFormat ?? "",
    log_path: options.logPath ?? "",
    service_cluster: options.serviceCluster,
    service_node: options.serviceNode,
    service_zone: options.serviceZone,
    file_flush_interval: `${options.fileFlushIntervalMs / 1000}s`,
    drain_time: `${options.drainTimeS}s`,
    parent_shutdown_time: `${options.parentShutdownTimeS}s`,
    mode: options.mode === "serve"
      ? "Serve"
      : options.mode === "validate"
      ? "Validate"
      : "InitOnly",
    disable_hot_restart: options.disableHotRestart,
    restart_epoch: options.restartEpoch,
    reject_unknown_dynamic_fields: options.rejectUnknownDynamicFields,
    use_dynamic_base_id: options.useDynamicBaseId,
    drain_strategy: options.drainStrategy === "gradual" ? "Gradual" : "Immediate",
  };
}

function say(text: string): 0 {
  Deno.stdout.writeSync(ENCODER.encode(text.endsWith("\n") ? text : `${text}\n`));
  return 0;
}

function complain(text: string): void {
  Deno.stderr.writeSync(ENCODER.encode(text.endsWith("\n") ? text : `${text}\n`));
}
