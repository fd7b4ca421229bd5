/** A network filter on a fake connection. */

import { Dispatcher, SeededRandom } from "../../../src/base/mod.ts";
import type { NetworkFilter, NetworkFilterFactory } from "../../../src/filter_chain/mod.ts";
import { type ConnectionInfo, StreamInfo } from "../../../src/http/mod.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import {
  type FakeContext,
  fakeContext,
  type FakeContextOptions,
} from "../../support/fakes/compile_context.ts";
import { FakeConnection } from "../../support/fakes/connection.ts";
import { fakeConnection } from "../../support/fakes/stream_info.ts";
import { decodeMessage } from "../../support/messages.ts";

/** One filter, alone on its connection. */
export class OneFilter {
  readonly clock = new FakeClock();
  readonly dispatcher = new Dispatcher({
    clock: this.clock,
    sleeper: this.clock,
    random: new SeededRandom(1),
  });
  readonly connection = new FakeConnection(this.dispatcher);
  readonly context: FakeContext;
  /** What filters passed on after a stop. */
  readonly continued: string[] = [];
  readonly info: StreamInfo;
  readonly filter: NetworkFilter;

  static async create<Config>(
    factory: NetworkFilterFactory<Config>,
    config: object,
    info: Partial<ConnectionInfo> = {},
    parts: Pick<FakeContextOptions, "extensions" | "services"> = {},
  ): Promise<OneFilter> {
    const decoded = await decodeMessage<object>(factory.type, config);
    return new OneFilter(factory as NetworkFilterFactory, decoded.message, { info, parts });
  }

  private constructor(
    factory: NetworkFilterFactory,
    message: object,
    { info, parts }: {
      readonly info: Partial<ConnectionInfo>;
      readonly parts: Pick<FakeContextOptions, "extensions" | "services">;
    },
  ) {
    this.context = fakeContext({ dispatcher: this.dispatcher, ...parts });
    this.info = new StreamInfo({ ...fakeConnection(), ...info }, 0, 0);
    this.filter = factory.create(factory.compile(message, this.context), {
      connection: this.connection,
      info: this.info.connection,
      streamInfo: this.info,
      continueReading: (bytes) => void this.continued.push(new TextDecoder().decode(bytes)),
      isDraining: false,
      waitsForTls: false,
    });
    this.connection.events = {
      onData: (bytes) => void this.filter.onData(bytes, false),
      onEnd: () => void this.filter.onData(new Uint8Array(0), true),
      onClose: (reason, details) => this.filter.onClose(reason, details),
    };
  }

  /** What the filter says of the new connection. */
  open(): string {
    let status = "";
    this.dispatcher.run(() => {
      status = this.filter.onNewConnection();
    });
    return status;
  }
}
