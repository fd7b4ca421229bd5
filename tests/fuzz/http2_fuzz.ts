/**
 * The HTTP/2 codec against frames that are half sensible: whatever comes, dispatch returns, the
 * bounds hold, and every stream hears of its end exactly once.
 */

import {
  block,
  concat,
  END_HEADERS,
  frame,
  get,
  newServer,
  openClient,
  post,
  PREFACE,
  request,
  type Server,
  settings,
  settingsAck,
  uint32,
} from "../codec/http2/dialogue.ts";
import { HeaderMap } from "../../src/http/mod.ts";
import { assertOk } from "../support/assert.ts";
import { type Random, SeededRandom } from "../../src/base/mod.ts";

const OK = HeaderMap.of([":status", "200"]);

function randomBytes(random: Random, max: number): Uint8Array {
  return Uint8Array.from({ length: random.below(max) }, () => random.below(256));
}

/** A frame that is right more often than not, so that fuzzing gets past the first check. */
function randomFrame(random: Random): Uint8Array {
  const id = random.below(8) === 0 ? random.below(12) : random.below(6) * 2 + 1;
  const flags = random.below(6) === 0 ? random.below(256) : [0, 1, 4, 5][random.below(4)]!;
  switch (random.below(12)) {
    case 0:
    case 1:
      return frame(1, flags | END_HEADERS, id, block(random.below(2) === 0 ? get() : post()));
    case 2:
      return frame(1, flags, id, block(get()).subarray(0, random.below(60)));
    case 3:
      return frame(9, flags, id, block(get()).subarray(0, random.below(60)));
    case 4:
    case 5:
      return frame(0, flags, id, randomBytes(random, 400));
    case 6:
      return frame(3, 0, id, uint32(random.below(12)));
    case 7:
      return settings([
        random.below(9),
        random.below(5) === 0 ? random.below(2 ** 31) : random.below(70000),
      ]);
    case 8:
      return frame(8, 0, random.below(2) === 0 ? 0 : id, uint32(random.below(100000)));
    case 9:
      return frame(6, flags & 1, 0, new Uint8Array(8));
    case 10:
      return frame(2, 0, id, [...uint32(random.below(10)), 1]);
    default:
      return frame(random.below(256), random.below(256), id, randomBytes(random, 64));
  }
}

/** What a user might do to a stream. */
function act(side: Server, random: Random): void {
  const stream = side.streams[random.below(Math.max(1, side.streams.length))];
  if (stream === undefined) return;
  switch (random.below(7)) {
    case 0:
      stream.encoder.encodeHeaders(OK, random.below(2) === 0);
      break;
    case 1:
      stream.encoder.encodeData(new Uint8Array(random.below(70000)), random.below(3) === 0);
      break;
    case 2:
      stream.encoder.encodeTrailers(OK);
      break;
    case 3:
      stream.encoder.reset("local_reset");
      break;
    case 4:
      stream.encoder.readDisable(random.below(2) === 0);
      break;
    case 5:
      side.codec.goAway();
      break;
    case 6:
      side.transport.now += random.below(2000);
  }
}

function checkStreams(side: { streams: readonly { events: readonly string[] }[] }): void {
  for (const { events } of side.streams) {
    const resets = events.filter((event) => event.startsWith("reset"));
    assertOk(resets.length <= 1, "a stream is reset once");
    if (resets.length === 1) assertOk(events.at(-1) === resets[0], "nothing comes after a reset");
  }
}

/** One connection's life at a server. */
function fuzzServer(random: Random): void {
  const side = newServer({
    streamErrorOnInvalidMessage: random.below(4) > 0,
    maxConcurrentStreams: 4,
  });
  side.codec.dispatch(concat(PREFACE, settings(), settingsAck()));
  for (let i = 0; i < 60 && side.error === undefined; i++) {
    let bytes = concat(randomFrame(random), randomFrame(random));
    if (random.below(10) === 0 && bytes.length > 0) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    const cut = random.below(bytes.length + 1);
    side.error = side.codec.dispatch(bytes.subarray(0, cut));
    act(side, random);
    bytes = bytes.slice(cut);
    side.error = side.codec.dispatch(bytes) ?? side.error;
    act(side, random);
    side.transport.take();
    assertOk(side.codec.activeStreams <= 4);
  }
  side.codec.onConnectionClosed("connection_termination", "");
  assertOk(side.codec.activeStreams === 0);
  checkStreams(side);
}

/** And at a client, whose server has gone mad. */
function fuzzClient(random: Random): void {
  const side = openClient({ streamErrorOnInvalidMessage: random.below(2) === 0 });
  for (let i = 0; i < 40 && side.error === undefined; i++) {
    if (random.below(3) === 0) request(side, get(), random.below(2) === 0);
    side.error = side.codec.dispatch(randomFrame(random));
    side.transport.take();
  }
  side.codec.onConnectionClosed("connection_termination", "");
  checkStreams(side);
}

/** Rounds of both sides; throws at the first finding. */
export function fuzz(rounds: number, seed: number): void {
  const random = new SeededRandom(seed);
  for (let round = 0; round < rounds; round++) {
    fuzzServer(random);
    fuzzClient(random);
  }
}
