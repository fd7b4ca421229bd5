/** TLS towards upstreams. */

import type { TlsCompiler } from "./transport.ts";

export const compileClientTls: TlsCompiler = (message: object, context): undefined => {
  context.problems.unsupported(message, "", "connections would be made without TLS", true);
};
