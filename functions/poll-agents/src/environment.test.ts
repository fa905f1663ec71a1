import { POLLER_LIMITS } from "@dbward-aws/contract";
import { describe, expect, it } from "vitest";
import { readEnvironment } from "./environment.ts";

const WHOLE = {
  DBWARD_STAGE: "dev",
  DBWARD_SERVER_URL: "http://server.dbward-dev.internal:3000",
  DBWARD_METRICS_TOKEN_SECRET: "arn:secret",
};

describe("readEnvironment", () => {
  it("has defaults", () => {
    expect(readEnvironment(WHOLE)).toEqual({
      stage: "dev",
      serverUrl: "http://server.dbward-dev.internal:3000",
      tokenSecret: "arn:secret",
      publisher: "api",
      level: "essential",
      perAgentMetrics: 0,
      agents: [],
    });
  });

  it("reads all variables", () => {
    const settings = readEnvironment({
      ...WHOLE,
      DBWARD_PUBLISHER: "emf",
      DBWARD_MONITORING_LEVEL: "full",
      DBWARD_PER_AGENT_METRICS: "100000",
      DBWARD_CLUSTER: "arn:cluster",
      DBWARD_SERVER_SERVICE: "server",
      DBWARD_AGENT_SERVICE_PREFIX: "shop-agent-",
      DBWARD_AGENTS: "app=agent:1,reports:0",
    });
    expect(settings).toMatchObject({
      publisher: "emf",
      level: "full",
      perAgentMetrics: POLLER_LIMITS.maxPerAgentMetrics,
      agents: [
        { name: "app", subject: "agent", desiredCount: 1 },
        { name: "reports", subject: "reports", desiredCount: 0 },
      ],
      services: {
        cluster: "arn:cluster",
        server: "server",
        agents: [
          { agent: "app", name: "shop-agent-app", desiredCount: 1 },
          { agent: "reports", name: "shop-agent-reports", desiredCount: 0 },
        ],
      },
    });
  });

  it("reports all problems at once", () => {
    const wrong = {
      DBWARD_PUBLISHER: "statsd",
      DBWARD_MONITORING_LEVEL: "most",
      DBWARD_PER_AGENT_METRICS: "-1",
      DBWARD_AGENTS: "app",
    };
    expect(() => readEnvironment(wrong)).toThrow(
      [
        "DBWARD_PUBLISHER must be api or emf; DBWARD_MONITORING_LEVEL must be essential or full",
        "DBWARD_PER_AGENT_METRICS must be a number of agents",
        "DBWARD_AGENTS must be a list of agents such as app=agent:1,reports:2",
        "DBWARD_STAGE is not set; DBWARD_SERVER_URL is not set; DBWARD_METRICS_TOKEN_SECRET is not set",
      ].join("; "),
    );
  });
});
