import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import * as ecs from "aws-cdk-lib/aws-ecs";
import { describe, expect, it } from "vitest";
import { only, statements } from "../test-support/synth.ts";
import { containerImage } from "./container-image.ts";

/** Image and rights of a task: `actions resource` of each statement of its execution role. */
function taskWith(image: Partial<Parameters<typeof containerImage>[1]>) {
  const stack = new Stack(new App(), "Stack", { env: { region: "eu-central-1" } });
  const settings = { repository: "ghcr.io/dbward-dev/dbward-server", tag: "0.2.0", pullThroughCache: false };
  new ecs.FargateTaskDefinition(stack, "Task").addContainer("main", {
    image: containerImage(stack, { ...settings, ...image }),
  });
  const template = Template.fromStack(stack);
  const rights = template.findResources("AWS::IAM::Policy");
  return {
    image: only(template, "AWS::ECS::TaskDefinition").ContainerDefinitions[0].Image,
    rights:
      Object.keys(rights).length === 0
        ? []
        : statements(template, /ExecutionRole/).map(({ Action, Resource }) => [
            [Action].flat().sort(),
            JSON.stringify(Resource),
          ]),
  };
}

const PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
const TOKEN = [["ecr:GetAuthorizationToken"], '"*"'];

describe("the image of a container", () => {
  it("that everybody may read gives no right", () => {
    expect(taskWith({})).toEqual({ image: "ghcr.io/dbward-dev/dbward-server:0.2.0", rights: [] });
  });

  it.each([
    "123456789012.dkr.ecr.us-west-2.amazonaws.com",
    "123456789012.dkr.ecr-fips.us-west-2.amazonaws.com",
    "123456789012.dkr-ecr.us-west-2.on.aws",
  ])("in ECR of another account and region keeps its host %s, and gives the right to pull it", (host) => {
    const { image, rights } = taskWith({ repository: `${host}/mirror/dbward` });
    expect(image).toBe(`${host}/mirror/dbward:0.2.0`);
    expect(rights).toContainEqual([
      PULL,
      '{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":ecr:us-west-2:123456789012:repository/mirror/dbward"]]}',
    ]);
    expect(rights).toContainEqual(TOKEN);
    expect(JSON.stringify(rights)).not.toContain("CreateRepository");
  });

  it("has its digest after an @, alone or after its tag", () => {
    const repository = "123456789012.dkr.ecr.us-west-2.amazonaws.com/dbward";
    const digest = `sha256:${"a".repeat(64)}`;
    expect(taskWith({ repository, tag: digest }).image).toBe(`${repository}@${digest}`);
    expect(taskWith({ repository, tag: `0.2.0@${digest}` }).image).toBe(`${repository}:0.2.0@${digest}`);
    const named = JSON.stringify(taskWith({ ecrRepositoryName: "dbward", tag: `0.2.0@${digest}` }).image);
    expect(named).toContain(`/dbward:0.2.0@${digest}`);
  });

  it.each([
    { ecrRepositoryName: "cache/dbward" },
    { repository: "123456789012.dkr.ecr.us-west-2.amazonaws.com/cache/dbward" },
  ])("of a pull-through cache, %j, may be created and imported by its first pull", (image) => {
    const { rights } = taskWith({ ...image, pullThroughCache: true });
    const all = rights.flatMap(([actions, resource]) =>
      (actions as string[]).map((action) => [action, String(resource)] as const),
    );
    for (const action of [...PULL, "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"])
      expect(all).toContainEqual([action, expect.stringContaining(":repository/cache/dbward")]);
  });
});
