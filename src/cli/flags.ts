/** Envoy's command line: flags in, options out. Unknown flags and bad values are errors by name. */

import { LOG_LEVELS, type LogLevel } from "../base/mod.ts";

export interface Options {
  readonly configPath: string | undefined;
  readonly configYaml: string | undefined;
  readonly mode: "serve" | "validate" | "init_only";
  readonly concurrency: number;
  readonly logLevel: LogLevel;
  readonly componentLogLevels: ReadonlyMap<string, LogLevel>;
  readonly logPath: string | undefined;
  readonly logFormat: string | undefined;
  readonly adminAddressPath: string | undefined;
  readonly baseId: number;
  readonly useDynamicBaseId: boolean;
  readonly restartEpoch: number;
  readonly drainTimeS: number;
  readonly drainStrategy: "gradual" | "immediate";
  readonly parentShutdownTimeS: number;
  readonly disableHotRestart: boolean;
  readonly serviceCluster: string;
  readonly serviceNode: string;
  readonly serviceZone: string;
  readonly fileFlushIntervalMs: number;
  readonly rejectUnknownDynamicFields: boolean;
  readonly showVersion: boolean;
  readonly showHelp: boolean;
}

type Mutable = { -readonly [K in keyof Options]: Options[K] };

interface Flag {
  readonly names: readonly string[];
  /** What stands for the value in the help; undefined for a switch. */
  readonly value?: string;
  readonly help: string;
  /** @returns what is wrong with the value, if anything */
  apply(options: Mutable, value: string): string | undefined;
}

const integer = (value: string, min: number): number | undefined => {
  const number = Number(value);
  return value !== "" && Number.isInteger(number) && number >= min ? number : undefined;
};

function setInteger(
  key:
    | "baseId"
    | "concurrency"
    | "drainTimeS"
    | "fileFlushIntervalMs"
    | "parentShutdownTimeS"
    | "restartEpoch",
  min: number,
): Flag["apply"] {
  return (options, value) => {
    const number = integer(value, min);
    if (number === undefined) return `expected an integer of at least ${min}`;
    options[key] = number;
    return undefined;
  };
}

function setText(
  key:
    | "adminAddressPath"
    | "configPath"
    | "configYaml"
    | "logFormat"
    | "logPath"
    | "serviceCluster"
    | "serviceNode"
    | "serviceZone",
): Flag["apply"] {
  return (options, value) => {
    options[key] = value;
    return undefined;
  };
}

function setSwitch(
  key:
    | "disableHotRestart"
    | "rejectUnknownDynamicFields"
    | "showHelp"
    | "showVersion"
    | "useDynamicBaseId",
): Flag["apply"] {
  return (options) => {
    options[key] = true;
    return undefined;
  };
}

function parseLevel(value: string): LogLevel | undefined {
  const level = value === "warn" ? "warning" : value;
  return (LOG_LEVELS as readonly string[]).includes(level) ? level as LogLevel : undefined;
}

function setComponentLevels(options: Mutable, value: string): string | undefined {
  const levels = new Map(options.componentLogLevels);
  for (const pair of value.split(",")) {
    const [component = "", name = ""] = pair.split(":");
    const level = parseLevel(name);
    if (component === "" || level === undefined) return `expected component:level, found "${pair}"`;
    levels.set(component, level);
  }
  options.componentLogLevels = levels;
  return undefined;
}

const ignored = (): undefined => undefined;

const FLAGS: readonly Flag[] = [
  {
    names: ["-c", "--config-path"],
    value: "FILE",
    help: "bootstrap file (YAML or JSON)",
    apply: setText("configPath"),
  },
  {
    names: ["--config-yaml"],
    value: "YAML",
    help: "bootstrap text, merged over the file",
    apply: setText("configYaml"),
  },
  {
    names: ["--mode"],
    value: "serve|validate|init_only",
    help: "validate: check and exit (0 OK, 1 refused, 3 valid but not wholly supported)",
    apply: (options, value) => {
      if (value !== "serve" && value !== "validate" && value !== "init_only") {
        return "expected serve, validate or init_only";
      }
      options.mode = value;
      return undefined;
    },
  },
  {
    names: ["--concurrency"],
    value: "N",
    help: "worker threads (default: number of cores)",
    apply: setInteger("concurrency", 0),
  },
  {
    names: ["-l", "--log-level"],
    value: "LEVEL",
    help: LOG_LEVELS.join("|"),
    apply: (options, value) => {
      const level = parseLevel(value);
      if (level === undefined) return `expected one of ${LOG_LEVELS.join(", ")}`;
      options.logLevel = level;
      return undefined;
    },
  },
  {
    names: ["--component-log-level"],
    value: "C:LEVEL,…",
    help: "levels of single components",
    apply: setComponentLevels,
  },
  {
    names: ["--log-path"],
    value: "FILE",
    help: "log there instead of stderr",
    apply: setText("logPath"),
  },
  {
    names: ["--log-format"],
    value: "FORMAT",
    help: "spdlog-like pattern: %Y %m %d %T %e %t %l %n %v",
    apply: setText("logFormat"),
  },
  {
    names: ["--log-format-escaped"],
    help: "accepted; log lines are always escaped",
    apply: ignored,
  },
  {
    names: ["--admin-address-path"],
    value: "FILE",
    help: "write the admin address there",
    apply: setText("adminAddressPath"),
  },
  {
    names: ["--base-id"],
    value: "N",
    help: "id of the hot-restart domain",
    apply: setInteger("baseId", 0),
  },
  {
    names: ["--use-dynamic-base-id"],
    help: "pick a free base id",
    apply: setSwitch("useDynamicBaseId"),
  },
  {
    names: ["--base-id-path"],
    value: "FILE",
    help: "accepted; hot restart is not supported yet",
    apply: ignored,
  },
  {
    names: ["--restart-epoch"],
    value: "N",
    help: "hot-restart generation",
    apply: setInteger("restartEpoch", 0),
  },
  {
    names: ["--drain-time-s"],
    value: "S",
    help: "seconds to drain connections (default 600)",
    apply: setInteger("drainTimeS", 0),
  },
  {
    names: ["--drain-strategy"],
    value: "gradual|immediate",
    help: "how drain closes spread over the drain time",
    apply: (options, value) => {
      if (value !== "gradual" && value !== "immediate") return "expected gradual or immediate";
      options.drainStrategy = value;
      return undefined;
    },
  },
  {
    names: ["--parent-shutdown-time-s"],
    value: "S",
    help: "hot restart: end of the parent (default 900)",
    apply: setInteger("parentShutdownTimeS", 0),
  },
  {
    names: ["--disable-hot-restart"],
    help: "no hot restart",
    apply: setSwitch("disableHotRestart"),
  },
  {
    names: ["--service-cluster"],
    value: "NAME",
    help: "node.cluster if the file has none",
    apply: setText("serviceCluster"),
  },
  {
    names: ["--service-node"],
    value: "NAME",
    help: "node.id if the file has none",
    apply: setText("serviceNode"),
  },
  {
    names: ["--service-zone"],
    value: "NAME",
    help: "node.locality.zone if the file has none",
    apply: setText("serviceZone"),
  },
  {
    names: ["--file-flush-interval-msec"],
    value: "MS",
    help: "access-log flush interval (default 10000)",
    apply: setInteger("fileFlushIntervalMs", 1),
  },
  {
    names: ["--reject-unknown-dynamic-fields"],
    help: "refuse unknown fields in xDS resources",
    apply: setSwitch("rejectUnknownDynamicFields"),
  },
  {
    names: [
      "--allow-unknown-static-fields",
      "--allow-unknown-fields",
      "--ignore-unknown-dynamic-fields",
    ],
    help: "accepted; unknown fields of a file are always refused",
    apply: ignored,
  },
  {
    names: [
      "--skip-deprecated-logs",
      "--disable-extensions",
      "--cpuset-threads",
      "--enable-mutex-tracing",
      "--enable-fine-grain-logging",
      "--enable-core-dump",
    ],
    help: "accepted without effect",
    apply: ignored,
  },
  {
    names: ["--local-address-ip-version"],
    value: "v4|v6",
    help: "accepted; addresses are found by themselves",
    apply: ignored,
  },
  { names: ["--version"], help: "print the version", apply: setSwitch("showVersion") },
  { names: ["-h", "--help"], help: "this help", apply: setSwitch("showHelp") },
];

/** What was asked for, or what is wrong with it. */
export type ParsedFlags =
  | { readonly options: Options; readonly error?: undefined }
  | { readonly error: string };

/** Parses the arguments after the program's name. `--flag=value` and `--flag value` both work. */
export function parseFlags(args: readonly string[], cores: number): ParsedFlags {
  const options: Mutable = {
    configPath: undefined,
    configYaml: undefined,
    mode: "serve",
    concurrency: cores,
    logLevel: "info",
    componentLogLevels: new Map(),
    logPath: undefined,
    logFormat: undefined,
    adminAddressPath: undefined,
    baseId: 0,
    useDynamicBaseId: false,
    restartEpoch: 0,
    drainTimeS: 600,
    drainStrategy: "gradual",
    parentShutdownTimeS: 900,
    disableHotRestart: false,
    serviceCluster: "",
    serviceNode: "",
    serviceZone: "",
    fileFlushIntervalMs: 10_000,
    rejectUnknownDynamicFields: false,
    showVersion: false,
    showHelp: false,
  };
  for (let i = 0; i < args.length; i++) {
    const [name = "", inline] = splitFlag(args[i]!);
    const flag = FLAGS.find((candidate) => candidate.names.includes(name));
    if (flag === undefined) return { error: `unknown argument "${args[i]}"` };
    let value = inline;
    if (flag.value !== undefined && value === undefined) {
      value = args[++i];
      if (value === undefined) return { error: `${name} needs a value: ${flag.value}` };
    }
    const wrong = flag.apply(options, value ?? "");
    if (wrong !== undefined) return { error: `${name} "${value}": ${wrong}` };
  }
  if (options.concurrency === 0) options.concurrency = 1;
  return { options };
}

/** The text of `--help`. */
export function helpText(): string {
  const lines = FLAGS.map((flag) => {
    const value = flag.value === undefined ? "" : ` ${flag.value}`;
    return `  ${(flag.names.join(", ") + value).padEnd(44)} ${flag.help}`;
  });
  return `usage: denvoy -c FILE [flags]\n\n${lines.join("\n")}\n`;
}

function splitFlag(arg: string): [string, string | undefined] {
  const equals = arg.startsWith("--") ? arg.indexOf("=") : -1;
  return equals < 0 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)];
}
