/** Figures of fresh processes: earlier load would hide what they cost. */

import * as net from "node:net";
import * as tls from "node:tls";
import type { Contestant, Launch } from "./contestants.ts";
import type { ProcessFigure } from "./scenarios.ts";

const SETTLE_MS = 500;
const IDLE_SETTLE_MS = 1500;
const PLAIN_CONNECTIONS = 4000;
const TLS_CONNECTIONS = 2000;
const CONNECTIONS_AT_ONCE = 100;

/** Units by figure. */
export const PROCESS_UNITS: Readonly<Record<ProcessFigure, string>> = {
  "start": "ms",
  "idle-rss": "MiB",
  "idle-conn": "KiB/conn",
  "idle-tls-conn": "KiB/conn",
};

/** Starts a process, takes the figure, ends the process. */
export async function processFigure(figure: ProcessFigure, launch: Launch): Promise<number> {
  const contestant = await launch();
  try {
    switch (figure) {
      case "start":
        return contestant.readyMs;
      case "idle-rss":
        await settle(SETTLE_MS);
        return contestant.program.rssMiB();
      case "idle-conn":
        return await idleConnectionKiB(contestant, false);
      case "idle-tls-conn":
        return await idleConnectionKiB(contestant, true);
    }
  } finally {
    await contestant.program.end();
  }
}

/** Memory per connection that has had one request and waits for the next. */
async function idleConnectionKiB(contestant: Contestant, isTls: boolean): Promise<number> {
  const port = contestant.ports[isTls ? "tls" : "plain"]!;
  const count = isTls ? TLS_CONNECTIONS : PLAIN_CONNECTIONS;
  await settle(SETTLE_MS);
  const beforeMiB = contestant.program.rssMiB();
  const sockets: net.Socket[] = [];
  try {
    while (sockets.length < count) {
      const batch = Array.from({ length: CONNECTIONS_AT_ONCE }, () => open(port, isTls));
      sockets.push(...await Promise.all(batch));
    }
    await settle(IDLE_SETTLE_MS);
    return (contestant.program.rssMiB() - beforeMiB) * 1024 / count;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function open(port: number, isTls: boolean): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const request = (): boolean => socket.write("GET /r HTTP/1.1\r\nhost: localhost\r\n\r\n");
    const socket: net.Socket = isTls
      ? tls.connect(
        { host: "127.0.0.1", port, servername: "localhost", rejectUnauthorized: false },
        request,
      )
      : net.connect(port, "127.0.0.1", request);
    socket.once("data", () => resolve(socket));
    socket.on("error", reject);
  });
}

function settle(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
