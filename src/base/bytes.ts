/** Bytes that outlive the call they were handed over in. */

/**
 * A copy of `bytes`. Not `bytes.slice()`: of a Node Buffer, which codecs read from, that is a view
 * of memory that the next read overwrites.
 */
export function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** `first` and `second` in one new array. */
export function joinBytes(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
