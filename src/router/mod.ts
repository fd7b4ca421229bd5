export { routerFactory } from "./router.ts";
