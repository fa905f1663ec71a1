import { describe, expect, it } from "vitest";
import { loadStage } from "./load-stage.ts";
import { checkRegion, regionProblems } from "./region-problems.ts";
import { stageInput } from "./test-support/stage.ts";

const settings = (changes: unknown) =>
  loadStage({ stages: { prod: stageInput(changes) } }, "prod", { root: "." });

const secret = (region: string, partition = "aws") =>
  `arn:${partition}:secretsmanager:${region}:123456789012:secret:app/db-AbCdEf`;

const key = (region: string) => `arn:aws:kms:${region}:123456789012:key/11111111-2222-3333-4444-555555555555`;

describe("settings for a region", () => {
  it.each([
    ["eu-central-1", "aws"],
    ["cn-north-1", "aws-cn"],
    ["us-gov-west-1", "aws-us-gov"],
    ["eusc-de-east-1", "aws-eusc"],
  ])("%s accept what is in that region", (region, partition) => {
    const subnet = (zone: string) => ({ id: `subnet-0000000${zone}`, availabilityZone: `${region}${zone}` });
    const stage = settings({
      network: { vpcId: "vpc-01234567", cidr: "10.1.0.0/16", subnets: [subnet("a"), subnet("b")] },
      server: {
        loadBalancer: { certificateArn: `arn:${partition}:acm:${region}:123456789012:certificate/abc` },
        secrets: { SLACK: `${secret(region, partition)}:token::` },
      },
      agents: { 0: { database: { urlSecret: secret(region, partition) } } },
    });
    expect(regionProblems(stage, region)).toEqual([]);
  });

  it("report everything that is in another region", () => {
    const image = { tag: "0.2.0", repository: "123456789012.dkr.ecr.us-west-2.amazonaws.com/dbward" };
    const stage = settings({
      network: { egress: "endpoints" },
      encryption: { kmsKey: key("us-east-1"), keys: { "dbward/key": key("us-east-1") } },
      server: {
        image,
        licenseKeySecret: secret("us-east-1"),
        loadBalancer: { certificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/abc" },
        secrets: { SLACK: `${secret("us-east-1")}:token::`, KEY: "dbward/key" },
      },
      agents: {
        0: { image, secrets: { KEY: secret("us-east-1") }, database: { urlSecret: secret("us-east-1") } },
      },
    });
    expect(regionProblems(stage, "eu-central-1").map(({ where }) => where.split("prod.")[1])).toEqual([
      "server.licenseKeySecret",
      "server.secrets.SLACK",
      "agents.0.database.urlSecret",
      "agents.0.secrets.KEY",
      "encryption.kmsKey",
      "encryption.keys.dbward/key",
      "server.loadBalancer.certificateArn",
      "server.image.repository",
      "agents.0.image.repository",
    ]);
    expect(() => checkRegion(stage, "eu-central-1")).toThrow(
      /server\.licenseKeySecret: is a secret in us-east-1, and the stage is in eu-central-1\. Run: aws secretsmanager replicate-secret-to-regions --region us-east-1 /,
    );
  });

  it("accept an image from another region where tasks reach the internet", () => {
    const image = { tag: "0.2.0", repository: "123456789012.dkr.ecr.us-west-2.amazonaws.com/dbward" };
    expect(regionProblems(settings({ server: { image } }), "eu-central-1")).toEqual([]);
  });

  it("are checked at once when they name their region", () => {
    const stage = { region: "eu-central-1", server: { licenseKeySecret: secret("us-east-1") } };
    expect(() => settings(stage)).toThrow(/server\.licenseKeySecret: is a secret in us-east-1/);
  });

  it("refuse zones of another region", () => {
    const subnets = [
      { id: "subnet-00000001", availabilityZone: "eu-west-1a" },
      { id: "subnet-00000002", availabilityZone: "eu-central-1b" },
    ];
    const stage = settings({ network: { vpcId: "vpc-01234567", cidr: "10.1.0.0/16", subnets } });
    expect(regionProblems(stage, "eu-central-1")).toEqual([
      expect.objectContaining({ where: expect.stringContaining("network.subnets.0.availabilityZone") }),
    ]);
  });
});
