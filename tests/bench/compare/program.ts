/** Child processes with what Linux's /proc says of them and of their own children. */

/** USER_HZ: what /proc counts CPU time in is 100 a second on every Linux. */
const US_PER_TICK = 10_000;
const END_LIMIT_MS = 3000;
const COMPLAINT_CHARS = 2000;

/** A started program; whoever starts one must `end` it. */
export class Program {
  readonly name: string;
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<unknown>;
  #complaint = "";
  #ending: Promise<void> | undefined;

  constructor(name: string, command: string, args: readonly string[]) {
    this.name = name;
    this.#child = new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#ended = Promise.all([this.#child.status, this.#listen()]);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The beginning of what it wrote to stderr. */
  get complaint(): string {
    return this.#complaint;
  }

  /** User and system time so far, in µs, of the whole process tree. */
  cpuUs(): number {
    let ticks = 0;
    for (const pid of processTree(this.pid)) {
      const stat = statFields(pid);
      ticks += Number(stat[11] ?? 0) + Number(stat[12] ?? 0);
    }
    return ticks * US_PER_TICK;
  }

  /** Resident memory in MiB of the whole process tree. */
  rssMiB(): number {
    let kib = 0;
    for (const pid of processTree(this.pid)) {
      kib += Number(/VmRSS:\s+(\d+)/.exec(readProc(pid, "status"))?.[1] ?? 0);
    }
    return kib / 1024;
  }

  /** SIGTERM to the tree, children first, and SIGKILL to what is left of it after three seconds. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    const pids = processTree(this.pid).reverse();
    for (const pid of pids) signal(pid, "SIGTERM");
    const late = setTimeout(() => {
      for (const pid of pids) signal(pid, "SIGKILL");
    }, END_LIMIT_MS);
    await this.#ended;
    clearTimeout(late);
  }

  async #listen(): Promise<void> {
    for await (const part of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      if (this.#complaint.length < COMPLAINT_CHARS) this.#complaint += part;
    }
  }
}

/** `pid` and its descendants, parents before their children. */
function processTree(pid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const entry of Deno.readDirSync("/proc")) {
    const child = Number(entry.name);
    if (!Number.isInteger(child)) continue;
    const parent = Number(statFields(child)[1]);
    childrenOf.set(parent, [...childrenOf.get(parent) ?? [], child]);
  }
  const tree = [pid];
  for (let i = 0; i < tree.length; i++) tree.push(...childrenOf.get(tree[i]!) ?? []);
  return tree;
}

/** Fields of /proc/PID/stat from the state on; the command before it may hold blanks. */
function statFields(pid: number): string[] {
  const text = readProc(pid, "stat");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function readProc(pid: number, file: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    return ""; // It has ended.
  }
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch {
    // It has ended.
  }
}

/** Waits until something accepts on the port of 127.0.0.1. @returns false after `limitMs` */
export async function isAccepting(port: number, limitMs: number): Promise<boolean> {
  const until = performance.now() + limitMs;
  while (performance.now() < until) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  return false;
}
