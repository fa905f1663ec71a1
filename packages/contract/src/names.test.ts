import { describe, expect, it } from "vitest";
import { METRICS, PER_AGENT_METRICS } from "./metrics.ts";
import { agentSubject, partOfService, stageNames, stageOfCluster, TOKEN_PATTERN } from "./names.ts";
import { formatAgents, parseAgents } from "./poller.ts";

describe("stageNames", () => {
  it("keeps every secret under dbward/<stage>/", () => {
    const names = stageNames("prod");
    const secrets = [
      names.adminTokenSecret,
      names.metricsTokenSecret,
      names.agentTokenSecret({ name: "ecs-agent", token: "bootstrap" }),
      names.agentTokenSecret({ name: "payments", token: "own" }),
      names.agentTokenSecret({ name: "reports" }),
    ];
    expect(secrets).toEqual([
      "dbward/prod/admin-token",
      "dbward/prod/metrics-token",
      "dbward/prod/agent-token",
      "dbward/prod/agent-token/payments",
      "dbward/prod/agent-token/reports",
    ]);
  });

  it("names stacks as SST does", () => {
    expect(stageNames("dev").stack("Server")).toBe("dev-dbward-Server");
  });

  it("finds the stage of a cluster", () => {
    expect(stageOfCluster(stageNames("dev-2").cluster)).toBe("dev-2");
    expect(stageOfCluster("default")).toBeUndefined();
  });

  it.each([
    ["dev-2", undefined],
    ["dev-2", "shared"],
    ["my-server", "shared"],
  ])("names the services of stage %s in cluster %s so that both are found again", (stage, cluster) => {
    const names = stageNames(stage, cluster);
    expect(partOfService(names.cluster, names.serverService)).toEqual({ stage, part: "server" });
    expect(partOfService(names.cluster, names.agentService("app"))).toEqual({ stage, part: "agent-app" });
    expect(names.logGroup("server")).toBe(`/ecs/dbward-${stage}/server`);
  });

  it("knows services of others in a shared cluster", () => {
    expect(partOfService("shared", "shop")).toBeUndefined();
    const names = stageNames("dev", "shared");
    expect([names.cluster, names.serverService, names.agentService("app")]).toEqual([
      "shared",
      "dbward-dev-server",
      "dbward-dev-agent-app",
    ]);
  });
});

describe("agentSubject", () => {
  it("is that of the bootstrap token for the agent that has it, and the name for every other one", () => {
    const agents = [
      { name: "app", token: "bootstrap" },
      { name: "reports", token: "own" },
      { name: "payments" },
    ] as const;
    expect(agents.map(agentSubject)).toEqual(["agent", "reports", "payments"]);
  });
});

describe("agents in the poller's environment", () => {
  const agents = [
    { name: "app", subject: "agent", desiredCount: 1 },
    { name: "reports", subject: "reports", desiredCount: 0 },
  ];

  it("are read as they were written", () => {
    expect(formatAgents(agents)).toBe("app=agent:1,reports:0");
    expect(parseAgents(formatAgents(agents))).toEqual(agents);
    expect(parseAgents("")).toEqual([]);
    const scaled = [
      { name: "app", subject: "agent", desiredCount: 2, scaling: { min: 2, max: 12 } },
      { name: "reports", subject: "reports", desiredCount: 1 },
    ];
    expect(formatAgents(scaled)).toBe("app=agent:2-12,reports:1");
    expect(parseAgents(formatAgents(scaled))).toEqual(scaled);
  });

  it.each(["app", "app:", "app=:1", "app=agent", "app:one", "app:1 reports:2", "app:1-", "app:-2"])(
    "%j is refused",
    (text) => {
      expect(parseAgents(text)).toBeUndefined();
    },
  );
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
  it("describes each metric in one sentence", () => {
    for (const { meaning } of Object.values(METRICS)) expect(meaning).toMatch(/^\S.*\.$/);
  });

  it("lists metrics about agents as those that each agent has", () => {
    for (const name of PER_AGENT_METRICS) expect(METRICS[name].source).toBe("agents");
  });
});
