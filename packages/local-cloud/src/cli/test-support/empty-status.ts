import type { StageStatus } from "../../stage/status.ts";

/** A stage of which nothing is there yet. */
export const EMPTY_STATUS: StageStatus = {
  stage: "local",
  endpoint: "http://127.0.0.1:4566",
  serverUrl: "http://127.0.0.1:4568",
  stacks: [],
  services: [],
  secrets: [],
  metrics: {},
  alarms: [],
  dashboardUrl: null,
};
