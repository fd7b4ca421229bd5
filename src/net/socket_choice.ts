/** The kind of sockets that this thread uses; set once at its start. */

let native = true;

/** Whether connect and listen use the native handles unless told otherwise. */
export function usesNativeHandles(): boolean {
  return native;
}

/** Chooses for all later sockets of this thread. */
export function useNativeHandles(use: boolean): void {
  native = use;
}
