export { compileRouteTable, type RouteTableOptions } from "./compile_table.ts";
export { compileHashPolicies, type CookieSink, requestHash } from "./hash_policy.ts";
export { type AuthorityTrace, updateAuthority } from "./host_rewrite.ts";
export { currentUrl } from "./redirect.ts";
export { compileRetryPolicy } from "./retry_policy.ts";
export * from "./route.ts";
export type { ClusterNames } from "./scope.ts";
export * from "./table.ts";
export { optionalMs, runtimeFraction } from "./units.ts";
