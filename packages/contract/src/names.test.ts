import { describe, expect, it } from "vitest";
import { METRICS, PER_AGENT_METRICS } from "./metrics.ts";
import { agentSubject, stageNames, TOKEN_PATTERN } from "./names.ts";
import { formatAgents, parseAgents } from "./poller.ts";

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

describe("agentSubject", () => {
  it("is the bootstrap token's for the first agent, and the name for every other one", () => {
    expect([agentSubject("app", true), agentSubject("reports", false)]).toEqual(["agent", "reports"]);
  });
});

describe("agents in the poller's environment", () => {
  const agents = [
    { name: "app", subject: "agent", desiredCount: 1 },
    { name: "reports", subject: "reports", desiredCount: 0 },
  ];

  it("come back as they were", () => {
    expect(formatAgents(agents)).toBe("app=agent:1,reports:0");
    expect(parseAgents(formatAgents(agents))).toEqual(agents);
    expect(parseAgents("")).toEqual([]);
  });

  it.each(["app", "app:", "app=:1", "app=agent", "app:one", "app:1 reports:2"])("%j is refused", (text) => {
    expect(parseAgents(text)).toBeUndefined();
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
