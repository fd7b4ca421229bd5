/** `deno task doc`: every exported function, class and interface of src/ has a docstring or a telling name. */

const SRC = new URL("../src/", import.meta.url);
/** An exported function or class without a comment right above it. */
const BARE =
  /(?:^|\n)(?!\s*\*\/)([^\n]*)\nexport (?:async )?(?:function|class|abstract class) (\w+)/g;

function* sources(directory: URL): Generator<URL> {
  for (const entry of Deno.readDirSync(directory)) {
    if (entry.isDirectory && entry.name !== "gen") {
      yield* sources(new URL(`${entry.name}/`, directory));
    } else if (entry.name.endsWith(".ts")) yield new URL(entry.name, directory);
  }
}

const missing: string[] = [];
for (const file of sources(SRC)) {
  const text = Deno.readTextFileSync(file);
  const path = file.href.slice(SRC.href.length);
  if (!/^(\/\/ deno-lint-ignore[^\n]*\n)?\/\*\*/.test(text) && !path.endsWith("mod.ts")) {
    missing.push(`src/${path}: no file head`);
  }
  for (const [, above = "", name] of text.matchAll(BARE)) {
    if (!above.trim().endsWith("*/") && !above.startsWith("// deno-lint-ignore")) {
      missing.push(`src/${path}: ${name} has no docstring`);
    }
  }
}
if (missing.length > 0) {
  Deno.stderr.writeSync(new TextEncoder().encode(missing.join("\n") + "\n"));
  Deno.exit(1);
}
