import { loadStage } from "@dbward-aws/settings";
import { describe, expect, it } from "vitest";
import { formerAgent as agent, SECRET, formerServer as server, sources } from "../test-support/hand-run.ts";
import {
  configTexts,
  differencesOf,
  type StageSources,
  stageInMemory,
  stageOfHandRun,
  versionsOf,
  withoutResultStorage,
} from "./stage-of-hand-run.ts";

const VERSIONS = { server: "0.2.0", agents: "0.2.0" };
const load = (each: StageSources) =>
  loadStage({ stages: { prod: stageInMemory(each, VERSIONS) } }, "prod", { root: "." });

describe("stageOfHandRun", () => {
  it("takes over what holds state, and what differs from the defaults", () => {
    expect(JSON.parse(JSON.stringify(stageOfHandRun(sources(), VERSIONS)))).toEqual({
      account: "123456789012",
      region: "eu-central-1",
      architecture: "x86_64",
      network: { vpcId: "vpc-00000001", subnets: ["subnet-00000001", "subnet-00000002"] },
      state: {
        fileSystemId: "fs-00000001",
        accessPointId: "fsap-0123456789abcdef1",
        securityGroupId: "sg-00000009",
      },
      storage: { bucketName: "acme-results" },
      server: {
        image: { tag: "0.2.0" },
        configFile: "config/prod.server.toml",
        allowedCidrs: ["10.0.0.0/8"],
      },
      agents: [
        {
          name: "app",
          token: "bootstrap",
          image: { tag: "0.2.0" },
          configFile: "config/prod.app.toml",
          database: { urlSecret: `${SECRET}/database-url-AbCdEf`, securityGroupId: "sg-00000007" },
        },
      ],
    });
  });

  it("is accepted by the settings, with everything that a template can have", () => {
    expect(load(sources()).state).toMatchObject({ fileSystemId: "fs-00000001" });
    const found = {
      stacks: [],
      server: server({
        image: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbward:1",
        cpu: 1024,
        memoryMiB: 2048,
        rustLog: "debug",
        config: { parameter: "/dbward/server" },
        secrets: { SLACK_URL: `${SECRET}/slack-AbCdEf` },
        bucketName: undefined,
        loadBalancer: {
          certificateArn:
            "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000",
          allowedCidr: "198.51.100.0/24",
        },
      }),
      agents: [agent({ tasks: 3, databasePort: 3306 }), agent({ name: "reports" })],
    };
    const settings = load(sources({ found, databaseCidrs: ["10.9.0.0/16"] }));
    expect(settings.server).toMatchObject({
      cpu: 1024,
      rustLog: "debug",
      config: { source: "ssm", parameter: "/dbward/server" },
      loadBalancer: { scheme: "internet-facing", allowedCidrs: ["198.51.100.0/24"] },
    });
    expect(settings.storage).toMatchObject({ backend: "local" });
    expect(settings.agents).toMatchObject([
      {
        name: "app",
        token: "bootstrap",
        desiredCount: 3,
        databases: [{ port: 3306, cidrs: ["10.9.0.0/16"] }],
      },
      { name: "reports" },
    ]);
  });

  it("says in words what has no counterpart", () => {
    const found = {
      stacks: [],
      server: server({ loadBalancer: { certificateArn: undefined, allowedCidr: "0.0.0.0/0" } }),
      agents: [agent()],
    };
    const said = differencesOf(sources({ found })).join("\n");
    expect(said).toContain("it takes plain HTTP from the internet");
    expect(said).toContain(
      "Agent app may reach port 5432 of every address today. In the stage it reaches security group sg-00000007",
    );
    expect(differencesOf(sources({ databaseCidrs: ["10.9.0.0/16"] })).join("\n")).toContain(
      "In the stage it reaches 10.9.0.0/16.",
    );
  });
});

describe("the texts and versions of a stage", () => {
  it("leave out the table that the templates' command drops", () => {
    expect(configTexts(sources())[0]).toEqual({
      path: "config/prod.server.toml",
      text: 'state_dir = "/data"\n[auth]\n[[databases]]\nname = "app"\nenvironments = ["production"]',
    });
    expect(withoutResultStorage("a = 1\n[result_storage]\nb = 2\n[auth]\nc = 3\n")).toBe(
      "a = 1\n[auth]\nc = 3\n",
    );
  });

  it("pin a moving tag of dbward's own image to the version that runs", () => {
    const { found } = sources();
    expect(versionsOf(found, "0.2.0")).toEqual({ server: "0.2.0", agents: "0.2.0" });
    const own = { ...found, server: server({ image: "registry.example.com/dbward:live" }) };
    expect(versionsOf(own, "0.2.0").server).toBe("live");
  });
});
