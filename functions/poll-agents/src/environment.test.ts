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
    });
  });

  it("takes everything", () => {
    const settings = readEnvironment({
      ...WHOLE,
      DBWARD_PUBLISHER: "emf",
      DBWARD_PER_AGENT_METRICS: "100000",
      DBWARD_CLUSTER: "arn:cluster",
      DBWARD_SERVER_SERVICE: "server",
      DBWARD_AGENT_SERVICES: "agent-a,agent-b",
    });
    expect(settings).toMatchObject({
      publisher: "emf",
      perAgentMetrics: POLLER_LIMITS.maxPerAgentMetrics,
      services: { cluster: "arn:cluster", server: "server", agents: ["agent-a", "agent-b"] },
    });
  });

  it("lists everything that is wrong", () => {
    expect(() => readEnvironment({ DBWARD_PUBLISHER: "statsd", DBWARD_PER_AGENT_METRICS: "-1" })).toThrow(
      /DBWARD_PUBLISHER is neither api nor emf; DBWARD_PER_AGENT_METRICS is no count; DBWARD_STAGE is not set; DBWARD_SERVER_URL is not set; DBWARD_METRICS_TOKEN_SECRET is not set/,
    );
  });
});
