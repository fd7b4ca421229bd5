/**
 * What Envoy 1.40 knows by name: every message type, also those outside the committed descriptor
 * set, and every extension with its category. Read only when a name has to be judged; main thread.
 */

/** One extension of the Envoy binary, as it names itself in `/server_info`. */
export interface ExtensionInfo {
  /** As in `envoy.filters.http`. */
  readonly category: string;
  /** As in `envoy.filters.http.router`; some have an old spelling too, without types. */
  readonly name: string;
  /** Message types of its configuration, its own first where only one is known. */
  readonly types: readonly string[];
}

/** The names that are looked up when a configuration holds something of no descriptor. */
export interface KnownTypes {
  /** Whether Envoy 1.40 has a message of this full name. */
  has(typeName: string): boolean;
  /** Whether the API defines it, but the Envoy 1.40 binary does not hold it. */
  isAbsent(typeName: string): boolean;
  /** The v3 type that took the place of a v2 type. */
  successorOf(typeName: string): string | undefined;
  /** Extensions whose configuration may be of this type. */
  extensionsOf(typeName: string): readonly ExtensionInfo[];
  /** The extension of this name, old spellings included. */
  extensionNamed(category: string, name: string): ExtensionInfo | undefined;
  /** Whether an extension of this category has exactly this name, an old spelling included. */
  isExtensionName(category: string, name: string): boolean;
  /** Every full type name, for "did you mean". */
  names(): Iterable<string>;
}

function rows(file: string): string[][] {
  return Deno.readTextFileSync(new URL(file, import.meta.url)).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(" "));
}

/** The last word of a dotted name: what an old extension name shares with its new one. */
function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

const OLD_PACKAGE = /^envoy\..*\.v[12](alpha\d*)?\.[^.]+$/;

/** A table that is read when it is first asked for. */
function late<T>(read: () => T): () => T {
  let table: T | undefined;
  return () => table ??= read();
}

interface Extensions {
  readonly all: readonly ExtensionInfo[];
  readonly byType: ReadonlyMap<string, readonly ExtensionInfo[]>;
}

function readExtensions(): Extensions {
  const all = rows("extensions.txt").map(([category, name, ...types]) => ({
    category: category!,
    name: name!,
    types,
  }));
  const byType = new Map<string, ExtensionInfo[]>();
  for (const extension of all) {
    for (const type of extension.types) {
      const same = byType.get(type);
      if (same === undefined) byType.set(type, [extension]);
      else same.push(extension);
    }
  }
  return { all, byType };
}

/** The tables; each is read from its file when a look-up needs it. */
export function loadKnownTypes(): KnownTypes {
  const packages = late(() =>
    new Map(rows("type_names.txt").map(([name, ...types]) => [name!, types]))
  );
  const absent = late(() => new Set(rows("absent_packages.txt").map(([name]) => name!)));
  const successors = late(() => new Map(rows("v2_types.txt").map(([now, then]) => [then!, now!])));
  const extensions = late(readExtensions);
  /** Packages end where the first capital letter begins. */
  const packageOf = (typeName: string): string => typeName.replace(/\.[A-Z].*$/, "");
  return {
    has(typeName) {
      const name = packageOf(typeName);
      return packages().get(name)?.includes(typeName.slice(name.length + 1)) === true;
    },
    isAbsent: (typeName) => absent().has(packageOf(typeName)) || OLD_PACKAGE.test(typeName),
    successorOf: (typeName) => successors().get(typeName),
    extensionsOf: (typeName) => extensions().byType.get(typeName) ?? [],
    extensionNamed(category, name) {
      const ofCategory = extensions().all.filter((x) =>
        x.category === category && x.types.length > 0
      );
      return ofCategory.find((x) => x.name === name) ??
        ofCategory.find((x) => lastWord(x.name) === lastWord(name));
    },
    isExtensionName: (category, name) =>
      extensions().all.some((extension) =>
        extension.category === category && extension.name === name
      ),
    *names() {
      for (const [name, types] of packages()) for (const type of types) yield `${name}.${type}`;
    },
  };
}
