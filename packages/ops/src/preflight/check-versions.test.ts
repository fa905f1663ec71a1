import { describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { stageInput } from "../test-support/ops-run.ts";
import { check, mistakes } from "../test-support/preflight-run.ts";

const stage = (server: string, agent: string) => {
  const { server: settings, agents } = stageInput();
  return {
    server: { ...settings, image: { tag: server } },
    agents: agents.slice(0, 1).map((each) => ({ ...each, image: { tag: agent } })),
  };
};
const running = (tag: string): Answers => ({
  DescribeServices: () => ({
    services: [{ serviceName: "agent-app", status: "ACTIVE", taskDefinition: "agent-app:1" }],
  }),
  DescribeTaskDefinition: () => ({
    taskDefinition: {
      containerDefinitions: [{ name: "agent", image: `ghcr.io/dbward-dev/dbward-agent:${tag}` }],
    },
  }),
});
const NONE: Answers = { DescribeServices: () => ({ services: [] }) };
const OLDER = /^agent app: image\.tag 0\.2\.0 is older than the server's 0\.3\.0, which gives work/;

describe("versions", () => {
  it("refuses an agent that the server would give no work", async () => {
    expect(await mistakes(stage("0.3.0", "0.2.0"), NONE)).toEqual([expect.stringMatching(OLDER)]);
    expect(await mistakes(stage("0.3.0", "0.2.0"), running("0.3.0"))).toEqual([expect.stringMatching(OLDER)]);
  });

  it("warns when the agent runs already, as the server is upgraded first", async () => {
    const { warnings } = await check(stage("0.3.0", "0.2.0"), running("0.2.0"));
    expect(warnings).toContainEqual(expect.stringMatching(OLDER));
  });

  it.each([
    ["the same version", "0.3.0", "0.3.0"],
    ["a newer agent", "0.3.0", "0.3.1"],
    ["a tag of the user's own for the agent", "0.3.0", "ours"],
    ["a tag of the user's own for the server", "nightly", "0.1.0"],
  ])("takes %s without asking", async (_, server, agent) => {
    const DescribeServices = () => {
      throw new AwsFault("AccessDeniedException", "not asked for");
    };
    const found = await check(stage(server, agent), { DescribeServices });
    expect(found.warnings.filter((warning) => /older|running agents/.test(warning))).toEqual([]);
  });
});
