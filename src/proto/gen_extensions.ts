/**
 * Maintainers: `extensions.txt` (one line an extension: category, name, types of its
 * configuration) from what an `envoy` on the PATH says of itself at `/server_info`.
 */

interface Extension {
  readonly category: string;
  readonly name: string;
  readonly type_urls?: readonly string[];
}

const CONFIG = `{"admin":{"address":{"socket_address":{"address":"127.0.0.1","port_value":0}}}}`;

async function serverInfo(addressFile: string): Promise<{ node: { extensions: Extension[] } }> {
  for (let attempt = 0; attempt < 100; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const address = await Deno.readTextFile(addressFile).catch(() => "");
    if (address === "") continue;
    return await (await fetch(`http://${address}/server_info`)).json();
  }
  throw new Error("envoy did not open its admin address");
}

if (import.meta.main) {
  const folder = Deno.makeTempDirSync();
  const addressFile = `${folder}/admin`;
  const envoy = new Deno.Command("envoy", {
    args: ["--config-yaml", CONFIG, "--admin-address-path", addressFile, "-l", "off"],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const { node } = await serverInfo(addressFile);
    const rows = node.extensions.map((extension) =>
      [extension.category, extension.name, ...[...extension.type_urls ?? []].sort()].join(" ")
    );
    Deno.writeTextFileSync(
      new URL("extensions.txt", import.meta.url),
      rows.sort().join("\n") + "\n",
    );
  } finally {
    envoy.kill();
    await envoy.status;
    Deno.removeSync(folder, { recursive: true });
  }
}
