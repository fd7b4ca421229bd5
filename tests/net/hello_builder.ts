/** Builds ClientHellos that read as what they are. */

export interface HelloParts {
  readonly serverName?: string;
  readonly alpn?: readonly string[];
  readonly versions?: readonly number[];
  readonly ciphers?: readonly number[];
  readonly groups?: readonly number[];
  readonly signatures?: readonly number[];
  /** Raw extensions after the others. */
  readonly more?: readonly (readonly [type: number, body: readonly number[]])[];
}

export function u16(value: number): number[] {
  return [value >> 8 & 0xff, value & 0xff];
}

function vector16(bytes: readonly number[]): number[] {
  return [...u16(bytes.length), ...bytes];
}

function vector8(bytes: readonly number[]): number[] {
  return [bytes.length, ...bytes];
}

function textBytes(text: string): number[] {
  return [...text].map((char) => char.charCodeAt(0));
}

/** server_name with one host_name. */
export function serverNameBody(name: string): number[] {
  return vector16([0, ...vector16(textBytes(name))]);
}

/** The handshake message without a record around it. */
export function helloMessage(parts: HelloParts = {}): Uint8Array {
  const extensions: number[] = [];
  const add = (type: number, body: readonly number[]): void => {
    extensions.push(...u16(type), ...vector16(body));
  };
  if (parts.serverName !== undefined) add(0, serverNameBody(parts.serverName));
  if (parts.groups !== undefined) add(10, vector16(parts.groups.flatMap(u16)));
  if (parts.signatures !== undefined) add(13, vector16(parts.signatures.flatMap(u16)));
  if (parts.alpn !== undefined) {
    add(16, vector16(parts.alpn.flatMap((name) => vector8(textBytes(name)))));
  }
  if (parts.versions !== undefined) add(43, vector8(parts.versions.flatMap(u16)));
  for (const [type, body] of parts.more ?? []) add(type, body);
  const body = [
    ...u16(0x0303),
    ...new Array<number>(32).fill(7),
    ...vector8([]),
    ...vector16((parts.ciphers ?? [0x1301]).flatMap(u16)),
    ...vector8([0]),
    ...vector16(extensions),
  ];
  return Uint8Array.from([1, 0, ...u16(body.length), ...body]);
}

/** The message in records of at most `recordBytes`. */
export function records(message: Uint8Array, recordBytes = 16384): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < message.length; at += recordBytes) {
    const part = message.subarray(at, at + recordBytes);
    bytes.push(22, 3, 1, ...u16(part.length), ...part);
  }
  return Uint8Array.from(bytes);
}

export function clientHello(parts: HelloParts = {}): Uint8Array {
  return records(helloMessage(parts));
}
