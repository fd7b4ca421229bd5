/** libuv's negative status codes, which the native handles answer with, as names and as Envoy's words. */

import { getSystemErrorName } from "node:util";

/** End of stream, as libuv tells it. */
export const UV_EOF = -4095;
/** Too many open files, in this process and in the system. */
export const UV_EMFILE = -24;
export const UV_ENFILE = -23;

/** `ECONNREFUSED` for -111; `errno 4242` for a code nobody knows. */
export function errnoName(status: number): string {
  try {
    return getSystemErrorName(status);
  } catch {
    return `errno ${-status}`;
  }
}

/** What `strerror` says, for the errors a proxy meets; the name for all others. */
export function errnoText(code: string): string {
  return TEXT[code] ?? code;
}

const TEXT: { readonly [code: string]: string } = {
  EACCES: "Permission denied",
  EADDRINUSE: "Address already in use",
  EADDRNOTAVAIL: "Cannot assign requested address",
  ECONNABORTED: "Software caused connection abort",
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EHOSTUNREACH: "No route to host",
  EMFILE: "Too many open files",
  ENETUNREACH: "Network is unreachable",
  ENFILE: "Too many open files in system",
  ENOENT: "No such file or directory",
  EPIPE: "Broken pipe",
  ETIMEDOUT: "Connection timed out",
};
