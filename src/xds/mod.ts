export { type FileSource, FileSubscription } from "./file_subscription.ts";
