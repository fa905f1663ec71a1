import { TOKEN_CHECK_ENVIRONMENT as NAMES } from "@dbward-aws/contract";
import { expect, it } from "vitest";
import { readEnvironment } from "./environment.ts";

const ENVIRONMENT = {
  [NAMES.stage]: "dev",
  [NAMES.serverUrl]: "http://server:3000",
  [NAMES.publisher]: "emf",
  [NAMES.cluster]: "dbward-dev",
  [NAMES.serverService]: "server",
  [NAMES.agentServicePrefix]: "agent-",
  [NAMES.agents]: "app=agent:1,reports:2-4",
};

it("finds the tokens of the stage", () => {
  const { tokens, ...others } = readEnvironment(ENVIRONMENT);
  expect(tokens.map(({ owner, secret, subject }) => [owner, secret, subject])).toEqual([
    ["admin", "dbward/dev/admin-token", "admin"],
    ["metrics", "dbward/dev/metrics-token", "cloudwatch-poller"],
    ["app", "dbward/dev/agent-token", "agent"],
    ["reports", "dbward/dev/agent-token/reports", "reports"],
  ]);
  expect(others).toEqual({
    stage: "dev",
    serverUrl: "http://server:3000",
    publisher: "emf",
    cluster: "dbward-dev",
    serverService: "server",
    agentServicePrefix: "agent-",
  });
  expect(readEnvironment({ ...ENVIRONMENT, [NAMES.rotateAfterDays]: "90" }).rotateAfterDays).toBe(90);
});

it("reports everything that is wrong at once", () => {
  expect(() =>
    readEnvironment({ [NAMES.publisher]: "mail", [NAMES.agents]: "app", [NAMES.rotateAfterDays]: "soon" }),
  ).toThrow(
    /DBWARD_PUBLISHER.*DBWARD_AGENTS.*DBWARD_ROTATE_AFTER_DAYS.*DBWARD_STAGE.*DBWARD_SERVER_URL.*DBWARD_CLUSTER.*DBWARD_SERVER_SERVICE.*\[token-check-environment\]/,
  );
});
