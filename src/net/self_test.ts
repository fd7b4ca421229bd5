/** Which sockets this thread uses: native handles, or Node's streams where the self-test failed. */

let useNative = true;

/** Whether connect and listen use the native handles unless told otherwise. */
export function usesNativeHandles(): boolean {
  return useNative;
}

/** Chooses the sockets of this thread; for the start of a worker. */
export function chooseSockets(native: boolean): void {
  useNative = native;
}
