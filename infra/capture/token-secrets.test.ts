import { describe, expect, it } from "vitest";
import { agentSettings } from "../test-support/settings.ts";
import { stage, templates } from "../test-support/synth.ts";

const agents = [agentSettings({ token: "bootstrap" }), agentSettings({ name: "payments" })];
const secrets = Object.values(templates({ agents }).state.findResources("AWS::SecretsManager::Secret"));

describe("TokenSecrets", () => {
  it("has one secret for the administrator, one for the poller, and one for each agent", () => {
    expect(secrets.map(({ Properties }) => Properties.Name).sort()).toEqual([
      "dbward/test/admin-token",
      "dbward/test/agent-token",
      "dbward/test/agent-token/payments",
      "dbward/test/metrics-token",
    ]);
  });

  it("makes them empty: no value, and none generated", () => {
    for (const { Properties } of secrets)
      expect(Object.keys(Properties).sort()).toEqual(["Description", "Name", "Tags"]);
  });

  it("names the agents that there are when asked for another one", () => {
    expect(() => stage({ agents }).state.secrets.agentToken("billing")).toThrow(
      'No agent "billing" in this stage: it has app, payments.',
    );
  });
});
