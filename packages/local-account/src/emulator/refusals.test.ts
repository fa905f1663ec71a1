import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
} from "@aws-sdk/client-cloudformation";
import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import { ECSClient, RegisterTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { Deadline } from "@dbward-aws/core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { clientConfig } from "../account/index.ts";
import { makeTemporaryDirectory } from "../test-support/temporary-directory.ts";
import { findPython } from "./index.ts";
import { startTestEmulator, type TestEmulator } from "./test-support/start-test-emulator.ts";

const directory = makeTemporaryDirectory();
let emulator: TestEmulator | undefined;
let config: ReturnType<typeof clientConfig>;
let cloudFormation: CloudFormationClient;
beforeAll(async () => {
  if (!(process.env.CI || (await findPython()).source)) return;
  emulator = await startTestEmulator(directory);
  config = clientConfig(emulator);
  cloudFormation = new CloudFormationClient(config);
}, 120_000);
beforeEach(({ skip }) => skip(emulator === undefined, "the emulator needs Python 3.10 or later, or uv"));
afterAll(async () => {
  cloudFormation?.destroy();
  await emulator?.close();
});

type Resources = Record<string, { Type: string; DeletionPolicy?: string; Properties?: object }>;

/** Creates a stack and waits for it. @returns its final status and the first reason of a failure */
async function create(StackName: string, resources: Resources): Promise<[status: string, reason: string]> {
  const TemplateBody = JSON.stringify({ Resources: resources });
  await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody, DisableRollback: true }));
  return finished(StackName);
}

async function physicalId(StackName: string, LogicalResourceId: string): Promise<string> {
  const { StackResources = [] } = await cloudFormation.send(new DescribeStackResourcesCommand({ StackName }));
  return StackResources.find((it) => it.LogicalResourceId === LogicalResourceId)!.PhysicalResourceId!;
}

async function finished(StackName: string): Promise<[status: string, reason: string]> {
  const stack = await Deadline.after(100_000).until(async () => {
    const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    return Stacks[0]?.StackStatus?.endsWith("_IN_PROGRESS") ? undefined : Stacks[0];
  }, 50);
  const { StackEvents = [] } = await cloudFormation.send(new DescribeStackEventsCommand({ StackName }));
  const failed = StackEvents.find(
    ({ ResourceStatus = "", LogicalResourceId }) =>
      ResourceStatus.endsWith("_FAILED") && LogicalResourceId !== StackName,
  );
  return [stack?.StackStatus ?? "", failed?.ResourceStatusReason ?? stack?.StackStatusReason ?? ""];
}

describe("a name in use", () => {
  it.each<[string, () => Promise<unknown>, Resources]>([
    [
      "log group that an earlier stack left",
      () => new CloudWatchLogsClient(config).send(new CreateLogGroupCommand({ logGroupName: "/left" })),
      { It: { Type: "AWS::Logs::LogGroup", Properties: { LogGroupName: "/left" } } },
    ],
    [
      "secret",
      () =>
        new SecretsManagerClient(config).send(new CreateSecretCommand({ Name: "left", SecretString: "x" })),
      { It: { Type: "AWS::SecretsManager::Secret", Properties: { Name: "left" } } },
    ],
    [
      "parameter",
      () =>
        new SSMClient(config).send(new PutParameterCommand({ Name: "/left", Value: "x", Type: "String" })),
      { It: { Type: "AWS::SSM::Parameter", Properties: { Name: "/left", Value: "y", Type: "String" } } },
    ],
  ])("by a %s refuses a stack that would create it", async (what, make, resources) => {
    await make();
    const [status, reason] = await create(`taken-${what.split(" ")[0]}`, resources);
    expect([status, reason]).toEqual(["CREATE_FAILED", expect.stringMatching(/already exists/)]);
  });

  it("by a retained bucket refuses the next stack that would create it", async () => {
    const resources: Resources = {
      Bucket: {
        Type: "AWS::S3::Bucket",
        DeletionPolicy: "Retain",
        Properties: { BucketName: "kept-bucket" },
      },
    };
    expect(await create("first", resources)).toEqual(["CREATE_COMPLETE", ""]);
    await cloudFormation.send(new DeleteStackCommand({ StackName: "first" }));
    await Deadline.after(100_000).until(async () => {
      const { Stacks = [] } = await cloudFormation
        .send(new DescribeStacksCommand({}))
        .catch(() => ({ Stacks: [] }));
      return Stacks.every(({ StackName }) => StackName !== "first") || undefined;
    }, 50);
    expect((await create("second", resources))[0]).toBe("CREATE_FAILED");
  });
});

describe("a deleted secret", () => {
  it("keeps its name during its recovery window", async () => {
    const secrets = new SecretsManagerClient(config);
    await secrets.send(new CreateSecretCommand({ Name: "scheduled", SecretString: "x" }));
    await secrets.send(new DeleteSecretCommand({ SecretId: "scheduled" }));
    await expect(
      secrets.send(new CreateSecretCommand({ Name: "scheduled", SecretString: "y" })),
    ).rejects.toMatchObject({
      name: "InvalidRequestException",
      message: expect.stringContaining("already scheduled for deletion"),
    });
    await expect(secrets.send(new GetSecretValueCommand({ SecretId: "scheduled" }))).rejects.toMatchObject({
      name: "InvalidRequestException",
    });
  });

  it("keeps its name for a while after a forced deletion, as Secrets Manager deletes asynchronously", async () => {
    const secrets = new SecretsManagerClient(config);
    const make = () => secrets.send(new CreateSecretCommand({ Name: "forced", SecretString: "x" }));
    await make();
    await secrets.send(new DeleteSecretCommand({ SecretId: "forced", ForceDeleteWithoutRecovery: true }));
    await expect(make()).rejects.toMatchObject({ name: "InvalidRequestException" });
    await expect(secrets.send(new GetSecretValueCommand({ SecretId: "forced" }))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
    const made = await Deadline.after(100_000).until(() => make().catch(() => undefined), 200);
    expect(made?.Name).toBe("forced");
  });
});

describe("a task definition for Fargate", () => {
  const define = (cpu: string, memory: string) =>
    new ECSClient(config).send(
      new RegisterTaskDefinitionCommand({
        family: "sized",
        requiresCompatibilities: ["FARGATE"],
        networkMode: "awsvpc",
        cpu,
        memory,
        containerDefinitions: [{ name: "main", image: "none" }],
      }),
    );

  it.each([
    ["256", "512"],
    ["256", "2048"],
    ["1024", "3072"],
    ["4096", "30720"],
    ["16384", "122880"],
  ])("accepts %s CPU units with %s MiB", async (cpu, memory) => {
    await expect(define(cpu, memory)).resolves.toBeDefined();
  });

  it.each([
    ["300", "512"],
    ["256", "4096"],
    ["512", "1536"],
    ["1024", "1024"],
    ["8192", "18432"],
  ])("refuses %s CPU units with %s MiB", async (cpu, memory) => {
    await expect(define(cpu, memory)).rejects.toMatchObject({
      name: "ClientException",
      message: "No Fargate configuration exists for given values.",
    });
  });

  it("is checked in a template as well", async () => {
    const Properties = {
      Family: "sized",
      RequiresCompatibilities: ["FARGATE"],
      NetworkMode: "awsvpc",
      Cpu: "256",
      Memory: "4096",
      ContainerDefinitions: [{ Name: "main", Image: "none" }],
    };
    const [status, reason] = await create("sized", { It: { Type: "AWS::ECS::TaskDefinition", Properties } });
    expect([status, reason]).toEqual(["CREATE_FAILED", expect.stringContaining("No Fargate configuration")]);
  });
});

describe("a Cloud Map namespace", () => {
  it("that still has services fails the deletion of its stack, with the reason", async () => {
    const resources: Resources = {
      Vpc: { Type: "AWS::EC2::VPC", Properties: { CidrBlock: "10.3.0.0/16" } },
      Zone: {
        Type: "AWS::ServiceDiscovery::PrivateDnsNamespace",
        Properties: { Name: "left.internal", Vpc: { Ref: "Vpc" } },
      },
    };
    expect((await create("zone", resources))[0]).toBe("CREATE_COMPLETE");
    const other: Resources = {
      Service: {
        Type: "AWS::ServiceDiscovery::Service",
        Properties: { Name: "server", NamespaceId: await physicalId("zone", "Zone") },
      },
    };
    expect((await create("service", other))[0]).toBe("CREATE_COMPLETE");
    await cloudFormation.send(new DeleteStackCommand({ StackName: "zone" }));
    const [status, reason] = await finished("zone");
    expect([status, reason]).toEqual(["DELETE_FAILED", expect.stringContaining("associated services")]);
  });
});

describe("a key that doesn't exist", () => {
  it("refuses a secret encrypted with it", async () => {
    const secrets = new SecretsManagerClient(config);
    const KmsKeyId = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000";
    await expect(
      secrets.send(new CreateSecretCommand({ Name: "encrypted", SecretString: "x", KmsKeyId })),
    ).rejects.toMatchObject({ name: "EncryptionFailure" });
  });
});
