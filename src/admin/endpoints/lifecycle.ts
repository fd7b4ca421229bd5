/** /ready and the commands that change the server's life. */

import { type AdminEndpoint, ok, TEXT } from "../endpoint.ts";

const OK = ok("OK\n");

export const ready: AdminEndpoint = {
  path: "/ready",
  help: "print server state, return 200 if LIVE, otherwise return 503",
  mutates: false,
  handle(_request, host) {
    const state = host.state();
    return { status: state === "LIVE" ? 200 : 503, contentType: TEXT, body: `${state}\n` };
  },
};

export const healthcheckFail: AdminEndpoint = {
  path: "/healthcheck/fail",
  help: "cause the server to fail health checks",
  mutates: true,
  handle(_request, host) {
    host.failHealthCheck(true);
    return OK;
  },
};

export const healthcheckOk: AdminEndpoint = {
  path: "/healthcheck/ok",
  help: "cause the server to pass health checks",
  mutates: true,
  handle(_request, host) {
    host.failHealthCheck(false);
    return OK;
  },
};

export const drainListeners: AdminEndpoint = {
  path: "/drain_listeners",
  help: "drain listeners",
  mutates: true,
  params: [
    "graceful: When draining listeners, enter a graceful drain period prior to closing listeners. This behaviour and duration is configurable via server options or CLI",
    "skip_exit: When draining listeners, drain the connections but never stop the listeners. The graceful parameter has no effect when this is set, since the drain period only delays stopping the listeners",
    "inboundonly: Drains all inbound listeners. traffic_direction field in envoy_v3_api_msg_config.listener.v3.Listener is used to determine whether a listener is inbound or outbound.",
  ],
  handle(request, host) {
    host.drainListeners({
      graceful: request.query.has("graceful"),
      skipExit: request.query.has("skip_exit"),
      inboundOnly: request.query.has("inboundonly"),
    });
    return OK;
  },
};

export const quitquitquit: AdminEndpoint = {
  path: "/quitquitquit",
  help: "exit the server",
  mutates: true,
  handle(_request, host) {
    host.quit();
    return OK;
  },
};

export const reopenLogs: AdminEndpoint = {
  path: "/reopen_logs",
  help: "reopen access logs",
  mutates: true,
  handle(_request, host) {
    host.reopenLogs();
    return OK;
  },
};

export const resetCounters: AdminEndpoint = {
  path: "/reset_counters",
  help: "reset all counters to zero",
  mutates: true,
  handle(_request, host) {
    host.store.resetCounters();
    return OK;
  },
};
