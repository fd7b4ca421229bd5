export type { AdminEndpoint, AdminRequest, AdminResponse } from "./endpoint.ts";
export { addressJson } from "./endpoints/server.ts";
export { ADMIN_FILTER_TYPE, adminFilterFactory } from "./filter.ts";
export * from "./host.ts";
export { ADMIN_ENDPOINTS } from "./registry.ts";
export { AdminRouter } from "./router.ts";
