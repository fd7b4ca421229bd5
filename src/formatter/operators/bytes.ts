/** Sizes in bytes. */

import type { HeaderMap } from "../../http/mod.ts";
import type { ValueProvider } from "../context.ts";

const sizeOf = (headers: HeaderMap | undefined): number => headers?.byteSize ?? 0;

const bytesReceived: ValueProvider = ({ info }) => info.bytesReceived;
const bytesSent: ValueProvider = ({ info }) => info.bytesSent;
const downstreamWireReceived: ValueProvider = ({ info }) => info.wireBytesReceived;
const downstreamWireSent: ValueProvider = ({ info }) => info.wireBytesSent;
const downstreamHeaderReceived: ValueProvider = ({ info }) => info.headerBytesReceived;
const downstreamHeaderSent: ValueProvider = ({ info }) => info.headerBytesSent;
const upstreamWireReceived: ValueProvider = ({ info }) => info.upstream?.wireBytesReceived ?? 0;
const upstreamWireSent: ValueProvider = ({ info }) => info.upstream?.wireBytesSent ?? 0;
const upstreamHeaderReceived: ValueProvider = ({ info }) => info.upstream?.headerBytesReceived ?? 0;
const upstreamHeaderSent: ValueProvider = ({ info }) => info.upstream?.headerBytesSent ?? 0;
const requestHeaders: ValueProvider = (context) => sizeOf(context.requestHeaders);
const responseHeaders: ValueProvider = (context) => sizeOf(context.responseHeaders);
const responseTrailers: ValueProvider = (context) => sizeOf(context.responseTrailers);

export {
  bytesReceived,
  bytesSent,
  downstreamHeaderReceived,
  downstreamHeaderSent,
  downstreamWireReceived,
  downstreamWireSent,
  requestHeaders,
  responseHeaders,
  responseTrailers,
  upstreamHeaderReceived,
  upstreamHeaderSent,
  upstreamWireReceived,
  upstreamWireSent,
};
