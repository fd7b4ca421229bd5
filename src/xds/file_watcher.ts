/**
 * Files that come into place by a rename, which is how a file is replaced whole: an editor's save or
 * a Kubernetes symlink swap. Writing in place is not noticed, as in Envoy, unless asked for.
 */

/** Something that is watched until it is stopped. */
export interface Watch {
  stop(): void;
}

/** What is watched for. */
export interface WatchOptions {
  readonly directory: string;
  /** Name of a file in it; undefined: any. */
  readonly name: string | undefined;
  /** Whether writing in place counts too. */
  readonly seesWrites: boolean;
  readonly onChange: () => void;
}

/** Watches a directory; it need not be there, then nothing is ever seen. */
export function watchFiles(options: WatchOptions): Watch {
  let watcher: Deno.FsWatcher;
  try {
    watcher = Deno.watchFs(options.directory, { recursive: false });
  } catch {
    return { stop() {} };
  }
  void follow(watcher, options);
  return { stop: () => watcher.close() };
}

async function follow(watcher: Deno.FsWatcher, options: WatchOptions): Promise<void> {
  for await (const event of watcher) if (concerns(event, options)) options.onChange();
}

function concerns(event: Deno.FsEvent, { name, seesWrites }: WatchOptions): boolean {
  // A rename within the directory is told twice, once with both names.
  const isMove = event.kind === "rename" && event.paths.length === 1;
  if (!isMove && !(seesWrites && event.kind === "modify")) return false;
  return name === undefined || event.paths.some((path) => path.endsWith(`/${name}`));
}
