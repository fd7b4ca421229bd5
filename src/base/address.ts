/** Socket addresses as denvoy keeps and prints them. */

/** `host` is an IP without brackets, `port` 0–65535; for Unix sockets `path`, "@name" if abstract. */
export type Address =
  | { readonly kind: "ip"; readonly host: string; readonly port: number }
  | { readonly kind: "pipe"; readonly path: string }
  | { readonly kind: "internal"; readonly name: string; readonly endpointId: string };

/** Envoy's `asString`: `127.0.0.1:80`, `[::1]:80`, the path, `envoy://name/endpoint`. */
export function formatAddress(address: Address): string {
  if (address.kind === "ip") return `${formatHost(address.host)}:${address.port}`;
  if (address.kind === "pipe") return address.path;
  return `envoy://${address.name}/${address.endpointId}`;
}

/** The IP as it stands in a URL or an address: IPv6 in brackets. */
export function formatHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** IPv4-mapped IPv6 (`::ffff:1.2.3.4`, what a dual-stack socket reports) as plain IPv4. */
export function unmapIpv4(host: string): string {
  return host.startsWith("::ffff:") && host.includes(".") ? host.slice(7) : host;
}
