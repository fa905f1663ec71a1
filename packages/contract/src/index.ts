export * from "./alarms.ts";
export * from "./capture.ts";
export * from "./metrics.ts";
export * from "./names.ts";
export * from "./poller.ts";
export * from "./ringing-alarms.ts";
