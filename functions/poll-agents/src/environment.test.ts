import { POLLER_LIMITS } from "@dbward-aws/contract";
import { describe, expect, it } from "vitest";
import { readEnvironment } from "./environment.ts";

const WHOLE = {
  DBWARD_STAGE: "dev",
  DBWARD_SERVER_URL: "http://server.dbward-dev.internal:3000",
  DBWARD_METRICS_TOKEN_SECRET: "arn:secret",
};

describe("readEnvironment", () => {
  it("fills in defaults", () => {
    expect(readEnvironment(WHOLE)).toEqual({
      stage: "dev",
      serverUrl: "http://server.dbward-dev.internal:3000",
      tokenSecret: "arn:secret",
      publisher: "api",
      perAgentMetrics: 0,
      agents: [],
    });
  });

  it("takes everything", () => {
    const settings = readEnvironment({
      ...WHOLE,
      DBWARD_PUBLISHER: "emf",
      DBWARD_PER_AGENT_METRICS: "100000",
      DBWARD_CLUSTER: "arn:cluster",
      DBWARD_SERVER_SERVICE: "server",
      DBWARD_AGENTS: "app=agent:1,reports:0",
    });
    expect(settings).toMatchObject({
      publisher: "emf",
      perAgentMetrics: POLLER_LIMITS.maxPerAgentMetrics,
      agents: [
        { name: "app", subject: "agent", desiredCount: 1 },
        { name: "reports", subject: "reports", desiredCount: 0 },
      ],
      services: {
        cluster: "arn:cluster",
        server: "server",
        agents: [
          { name: "agent-app", desiredCount: 1 },
          { name: "agent-reports", desiredCount: 0 },
        ],
      },
    });
  });

  it("lists everything that is wrong", () => {
    const wrong = { DBWARD_PUBLISHER: "statsd", DBWARD_PER_AGENT_METRICS: "-1", DBWARD_AGENTS: "app" };
    expect(() => readEnvironment(wrong)).toThrow(
      /DBWARD_PUBLISHER is neither api nor emf; DBWARD_PER_AGENT_METRICS is not a count; DBWARD_AGENTS is not a list of agents such as app=agent:1,reports:2; DBWARD_STAGE is not set; DBWARD_SERVER_URL is not set; DBWARD_METRICS_TOKEN_SECRET is not set/,
    );
  });
});
