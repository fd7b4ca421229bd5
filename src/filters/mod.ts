export { HTTP_FILTERS } from "./http/registry.ts";
export { LISTENER_FILTERS } from "./listener/registry.ts";
export { NETWORK_FILTERS } from "./network/registry.ts";
