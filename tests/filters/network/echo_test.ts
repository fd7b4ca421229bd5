/** The echo filter. */

import { echoFactory } from "../../../src/filters/network/echo.ts";
import { assertEquals } from "../../support/assert.ts";
import { OneFilter } from "./harness.ts";

Deno.test("echo sends back what it gets and closes after the client's FIN", async () => {
  const echo = await OneFilter.create(echoFactory, {});
  assertEquals(echo.open(), "continue");
  echo.connection.receive("one");
  echo.connection.receive("two");
  assertEquals(echo.connection.written(), "onetwo");
  assertEquals(echo.connection.isClosing, false);
  echo.connection.endOfInput();
  assertEquals(echo.connection.closedBy, "flush_write");
});

Deno.test("echo reads no more from a client that does not read", async () => {
  const echo = await OneFilter.create(echoFactory, {});
  echo.open();
  echo.filter.onAboveWriteBufferHighWatermark!();
  echo.filter.onAboveWriteBufferHighWatermark!();
  assertEquals(echo.connection.readDisableCount, 1);
  echo.filter.onBelowWriteBufferLowWatermark!();
  assertEquals(echo.connection.isReadDisabled, false);
});
