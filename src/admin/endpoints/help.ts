/** /help and the home page: the list of commands, from the registry itself. */

import { type AdminEndpoint, ok } from "../endpoint.ts";

/** The text of /help, without its first line. */
export function commandList(endpoints: readonly AdminEndpoint[]): string {
  return sorted(endpoints).map((endpoint) => {
    const lines = [`  ${endpoint.path}${endpoint.mutates ? " (POST)" : ""}: ${endpoint.help}\n`];
    for (const param of endpoint.params ?? []) lines.push(`      ${param}\n`);
    return lines.join("");
  }).join("");
}

/** The endpoint of /help over all others. */
export function helpEndpoint(endpoints: () => readonly AdminEndpoint[]): AdminEndpoint {
  return {
    path: "/help",
    help: "print out list of admin commands",
    mutates: false,
    handle: () => ok(`admin commands are:\n${commandList(endpoints())}`),
  };
}

/** The home page: each command with its parameters, mutating ones as forms. */
export function homeEndpoint(endpoints: () => readonly AdminEndpoint[]): AdminEndpoint {
  return {
    path: "/",
    help: "Admin home page",
    mutates: false,
    handle: () => ok(homePage(endpoints()), "text/html; charset=UTF-8"),
  };
}

/** Text as it may stand in HTML; names come from configuration, which others may have written. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}

function homePage(endpoints: readonly AdminEndpoint[]): string {
  const rows = sorted(endpoints).map((endpoint) => {
    const path = endpoint.path.slice(1);
    const link = endpoint.mutates
      ? `<form action="${path}" method="post"><button>${path}</button></form>`
      : `<a href="${path}">${path === "" ? "/" : path}</a>`;
    const params = (endpoint.params ?? []).map((param) => `<li>${escapeHtml(param)}</li>`).join("");
    const list = params === "" ? "" : `<ul>${params}</ul>`;
    return `<tr><td>${link}</td><td>${escapeHtml(endpoint.help)}${list}</td></tr>`;
  });
  return `<!DOCTYPE html>
<html lang="en">
<head>
<title>denvoy admin</title>
<style>
body { font-family: sans-serif; max-width: 60em; margin: 1em auto; }
td { padding: 0.3em 1em 0.3em 0; vertical-align: top; border-top: 1px solid #ddd; }
form { margin: 0; } ul { margin: 0.3em 0; font-size: 85%; }
</style>
</head>
<body>
<h1>denvoy admin</h1>
<table>
${rows.join("\n")}
</table>
</body>
</html>
`;
}

function sorted(endpoints: readonly AdminEndpoint[]): AdminEndpoint[] {
  return [...endpoints].sort((a, b) => a.path < b.path ? -1 : 1);
}
