import { expect, it } from "vitest";
import { readEnvironment } from "./environment.ts";

const ENVIRONMENT = {
  DBWARD_STAGE: "prod",
  DBWARD_CLUSTER: "arn:cluster",
  DBWARD_SERVER_SERVICE: "server",
  DBWARD_AGENT_SERVICE_PREFIX: "agent-",
  DBWARD_AGENTS: "app,reports",
  DBWARD_APPLY_CONFIGURATION: "true",
  DBWARD_APPLY_SECRETS: "agents",
  DBWARD_APPLY_STATE_PARAMETER: "/dbward/prod/apply-config",
};

it("is read", () => {
  expect(readEnvironment(ENVIRONMENT)).toEqual({
    stage: "prod",
    cluster: "arn:cluster",
    services: [
      { name: "server" },
      { name: "agent-app", agent: "app" },
      { name: "agent-reports", agent: "reports" },
    ],
    configuration: true,
    secrets: "agents",
    stateParameter: "/dbward/prod/apply-config",
  });
});

it("reports everything that is missing at once", () => {
  expect(() => readEnvironment({ DBWARD_APPLY_SECRETS: "some" })).toThrow(
    /DBWARD_APPLY_SECRETS must be .*DBWARD_APPLY_CONFIGURATION must be .*DBWARD_STAGE is not set.*DBWARD_APPLY_STATE_PARAMETER is not set.*\[apply-environment\]/,
  );
});
