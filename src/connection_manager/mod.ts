export { httpConnectionManagerFactory } from "./factory.ts";
