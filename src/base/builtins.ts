/**
 * Node's larger modules, loaded when they are first needed: each takes 1 to 11 ms of a thread's
 * start, and what a configuration does not use costs nothing.
 */

import process from "node:process";

/** `node:crypto`: hashes, certificates and keys. */
export function nodeCrypto(): typeof import("node:crypto") {
  return process.getBuiltinModule("node:crypto");
}

/** `node:fs`: files by number. */
export function nodeFs(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs");
}

/** `node:net`: sockets as streams. */
export function nodeNet(): typeof import("node:net") {
  return process.getBuiltinModule("node:net");
}

/** `node:stream`: streams of Node. */
export function nodeStream(): typeof import("node:stream") {
  return process.getBuiltinModule("node:stream");
}

/** `node:tls`: TLS of Node: contexts, and its sockets as streams. */
export function nodeTls(): typeof import("node:tls") {
  return process.getBuiltinModule("node:tls");
}
