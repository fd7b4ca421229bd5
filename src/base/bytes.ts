/** Bytes that outlive the call they were handed over in. */

/**
 * A copy of `bytes`. Not `bytes.slice()`: of a Node Buffer, which codecs read from, that is a view
 * of memory that the next read overwrites.
 */
export function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
