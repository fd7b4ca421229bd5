/** /logging: shows and changes the levels of denvoy's own log. */

import { LOG_LEVELS, type LogComponent, type LogLevel } from "../../base/mod.ts";
import { type AdminEndpoint, type AdminRequest, ok, TEXT } from "../endpoint.ts";
import type { AdminHost } from "../host.ts";

const USAGE = `usage: /logging?<name>=<level> (change single level)
usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)
usage: /logging?level=<level> (change all levels)
usage: /logging?group=<group_name>:<level> (change group of loggers)
levels: ${LOG_LEVELS.join(" ")} 
`;

export const logging: AdminEndpoint = {
  path: "/logging",
  help: "query/change logging levels",
  mutates: true,
  params: [
    "paths: Change multiple logging levels by setting to <logger_name1>:<desired_level1>,<logger_name2>:<desired_level2>. If fine grain logging is enabled, use __FILE__ or a glob experision as the logger name. For example, source/common*:warning",
    "group: Change given logger group to desired level, set to <logger_group_name>:<desired_level>. logger_group_name must be a logger name.",
    "level: desired logging level, this will change all loggers's level; One of (, trace, debug, info, warning, error, critical, off)",
  ],
  handle(request, host) {
    const wrong = change(request, host);
    const lines = [...host.logLevels()].map(([component, level]) => `  ${component}: ${level}\n`);
    const active = `active loggers:\n${lines.join("")}\n`;
    if (wrong === undefined) return ok(active);
    return { status: 400, contentType: TEXT, body: `error: ${wrong}\n\n${USAGE}${active}` };
  },
};

function change(request: AdminRequest, host: AdminHost): string | undefined {
  const [first] = request.query;
  if (first === undefined) return undefined;
  if (request.query.size > 1) return "invalid parameter count";
  const [name, value] = first;
  const levels = new Map(host.logLevels());
  const pairs = name === "level"
    ? [...levels.keys()].map((component) => [component, value])
    : name === "paths" || name === "group"
    ? value.split(",").map((pair) => pair.split(":"))
    : [[name, value]];
  for (const [component = "", text = ""] of pairs) {
    const level = text === "warn" ? "warning" : text;
    if (!(LOG_LEVELS as readonly string[]).includes(level)) return "unknown logger level";
    if (!levels.has(component as LogComponent)) return "unknown logger name";
    levels.set(component as LogComponent, level as LogLevel);
  }
  host.setLogLevels(levels);
  return undefined;
}
