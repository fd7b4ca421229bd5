/**
 * Which sockets a thread uses. The native handles are internal API of Deno: before a worker relies on
 * them, one TLS handshake and an echo over loopback must succeed; else Node's streams serve. The
 * first handshake of a process takes 30-60 ms, for its random numbers are seeded from the processor's
 * jitter: on the version that the suite ran on it is made once the process serves, not before.
 */

import { Dispatcher } from "../base/mod.ts";
import type { TlsInfo } from "../http/mod.ts";
import { connect } from "./connect.ts";
import { listen } from "./listen.ts";
import { type ServerTls, SILENT_EVENTS, type TlsSession } from "./socket_connection.ts";
import { useNativeHandles } from "./socket_choice.ts";

/** The version whose native handles every test of this project has used. */
export const TESTED_DENO = "2.9.6";
/** Guards nothing: both ends of the self-test are this process. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUMYW7aAuqffB5k0ArsQu1lUeuC2IwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJc2VsZi10ZXN0MCAXDTI2MTEyMTExMzgyMVoYDzIxMjYxMDI4
MTEzODIxWjAUMRIwEAYDVQQDDAlzZWxmLXRlc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARttLXRqfFfjDJBq9aQQCeOsauAoHyuQVINar/iJQutzb+y/0eyxwqo
iCU0eRF22nL5msagtXTIQ0TG17E2eOpRo1MwUTAdBgNVHQ4EFgQUFMtbjZZR1C2U
nxlB7A61ijk6k2MwHwYDVR0jBBgwFoAUFMtbjZZR1C2UnxlB7A61ijk6k2MwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAqRz+X24j/o8gGhoaSYSC
kTS5UalEJzUCEPuvO7X8FMkCIQCryzSC1B3kRQ9tpQSqHlTiyPKo9y84XhkpbyCg
0rZE+w==
-----END CERTIFICATE-----`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmdHDkSB1aX5Mxaxo
Z/MhXadnFCjeX8uBoWhK2aO3uOihRANCAARttLXRqfFfjDJBq9aQQCeOsauAoHyu
QVINar/iJQutzb+y/0eyxwqoiCU0eRF22nL5msagtXTIQ0TG17E2eOpR
-----END PRIVATE KEY-----`;

const TEST_MS = 2000;
const CONFIRM_TRIES = 5;
const CONFIRM_AGAIN_MS = 1000;
const SPARE_DESCRIPTORS = 16;
const WORD = "echo";

/** Whether the handles of this Deno are known; another version is tried before it serves. */
export function isTestedDeno(): boolean {
  return Deno.version.deno === TESTED_DENO;
}

/**
 * Tries the native handles and chooses the sockets of this thread by it.
 * @returns "" if they work, else why they do not
 */
export async function chooseSockets(): Promise<string> {
  const failure = await testNativeHandles();
  useNativeHandles(failure === "");
  return failure;
}

/**
 * Makes sure of handles that are in use already: their failing counts only while the process has
 * descriptors to spare, and only if it goes on. @returns "" or what goes wrong
 */
export async function confirmNativeHandles(): Promise<string> {
  for (let failures = 0;;) {
    const failure = await testNativeHandles();
    if (failure === "") return "";
    if (hasDescriptors() && ++failures === CONFIRM_TRIES) return failure;
    await new Promise((resolve) => setTimeout(resolve, CONFIRM_AGAIN_MS));
  }
}

/** Whether as many descriptors as a test takes, and some more, can be opened. */
function hasDescriptors(): boolean {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < SPARE_DESCRIPTORS) files.push(Deno.openSync("/dev/null"));
    return true;
  } catch {
    return false;
  } finally {
    for (const file of files) file.close();
  }
}

/** One handshake and echo over loopback; a few milliseconds. @returns "" or what went wrong */
export function testNativeHandles(): Promise<string> {
  return new Promise((resolve) => {
    let failure = "";
    const dispatcher = new Dispatcher({
      onError: (error) => failure = error instanceof Error ? error.message : String(error),
    });
    const finish = (reason: string): void => {
      dispatcher.timers.stop();
      resolve(failure === "" ? reason : failure);
    };
    try {
      echoOnce(dispatcher, finish);
    } catch (error) {
      finish(error instanceof Error ? error.message : String(error));
    }
  });
}

function echoOnce(dispatcher: Dispatcher, finish: (reason: string) => void): void {
  const socket = listen({ kind: "ip", host: "127.0.0.1", port: 0 }, {
    dispatcher,
    reusePort: false,
    backlog: 1,
    useNative: true,
    onAccept(accepted) {
      accepted.events = {
        ...SILENT_EVENTS,
        onData: (bytes) => accepted.output.writeBytes(bytes),
        onEnd: () => accepted.close("flush_write"),
      };
      accepted.startServerTls(SERVER);
    },
  });
  const client = connect(socket.address, {
    dispatcher,
    timeoutMs: TEST_MS,
    tls: session(false),
    useNative: true,
  });
  let got = "";
  client.events = {
    onConnected: () => client.output.writeLatin1(WORD),
    onData(bytes) {
      got += String.fromCharCode(...bytes);
      if (got.length >= WORD.length) client.close("flush_write");
    },
    onEnd: () => client.close("no_flush"),
    onClose(reason, details) {
      socket.close();
      finish(got === WORD ? "" : `${reason} ${details}`);
    },
  };
}

function session(isServer: boolean): TlsSession {
  return {
    start: {
      isServer,
      material: {
        cert: isServer ? CERTIFICATE : undefined,
        key: isServer ? KEY : undefined,
        ca: undefined,
        requestCert: false,
        rejectUnauthorized: false,
        minVersion: "TLSv1.2",
        maxVersion: "TLSv1.3",
      },
      alpnProtocols: [],
      serverName: "self-test",
      allowResumption: false,
    },
    // A chain and a version are what the checks of peers live on.
    verify: (facts) =>
      facts.version === "TLSv1.3" && (isServer || facts.peerChain.length === 1)
        ? ""
        : `no facts of the handshake: ${facts.version}, ${facts.peerChain.length} certificates`,
    info: () => NO_INFO,
    failure: (code, message) => `${code}: ${message}`,
  };
}

const NO_INFO: TlsInfo = {
  sni: undefined,
  alpn: undefined,
  version: undefined,
  cipher: undefined,
  sessionId: undefined,
  peerCertificatePresented: false,
  peerCertificateValidated: false,
  peer: undefined,
  local: undefined,
  peerChainPem: () => undefined,
};

const SERVER: ServerTls = {
  session: () => session(true),
  rejectHello: () => "no ClientHello",
};
