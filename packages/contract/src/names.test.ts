import { describe, expect, it } from "vitest";
import { METRICS, PER_AGENT_METRICS } from "./metrics.ts";
import { stageNames, TOKEN_PATTERN } from "./names.ts";

describe("stageNames", () => {
  it("keeps every secret under dbward/<stage>/", () => {
    const names = stageNames("prod");
    const secrets = [
      names.adminTokenSecret,
      names.metricsTokenSecret,
      names.agentTokenSecret("ecs-agent", true),
      names.agentTokenSecret("payments", false),
    ];
    expect(secrets).toEqual([
      "dbward/prod/admin-token",
      "dbward/prod/metrics-token",
      "dbward/prod/agent-token",
      "dbward/prod/agent-token/payments",
    ]);
  });

  it("names stacks as SST does", () => {
    expect(stageNames("dev").stack("Server")).toBe("dev-dbward-Server");
  });
});

describe("TOKEN_PATTERN", () => {
  const token = `dbw_${"0123456789abcdef".repeat(2)}`;
  it.each([
    [token, true],
    [`${token}\n`, false],
    [`${token}0`, false],
    [token.toUpperCase(), false],
    ["", false],
  ])("%j: %s", (text, matches) => {
    expect(TOKEN_PATTERN.test(text)).toBe(matches);
  });
});

describe("METRICS", () => {
  it("says of each metric what it means, in one sentence", () => {
    for (const { meaning } of Object.values(METRICS)) expect(meaning).toMatch(/^\S.*\.$/);
  });

  it("knows the metrics that are published once an agent", () => {
    for (const name of PER_AGENT_METRICS) expect(METRICS[name].source).toBe("agents");
  });
});
