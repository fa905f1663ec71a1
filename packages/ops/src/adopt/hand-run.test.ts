import { UsageError } from "@dbward-aws/cli";
import { createAwsClients } from "@dbward-aws/stage";
import { describe, expect, it } from "vitest";
import type { Answers, Input } from "../test-support/aws-peer.ts";
import { withAws } from "../test-support/ops-run.ts";
import { readHandRun, type StackChoice } from "./hand-run.ts";

const SERVICE = "arn:aws:ecs:eu-central-1:123456789012:service/acme";

const stack = (
  StackName: string,
  parameters: Record<string, string>,
  outputs: Record<string, string> = {},
) => ({
  StackName,
  StackId: `arn:aws:cloudformation:eu-central-1:123456789012:stack/${StackName}/1`,
  StackStatus: "CREATE_COMPLETE",
  Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
    ParameterKey,
    ParameterValue,
  })),
  Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
});

const SERVER = stack("acme", {
  ServerConfigToml: "[auth]\n",
  SubnetIds: "subnet-1,subnet-2",
  AllowedIngressCidr: "10.0.0.0/8",
  ResultStorageBackend: "s3",
  ResultBucketName: "acme-results",
});
const AGENT = stack("acme-agent", {
  AgentConfigToml: "[server]\n",
  ClusterName: "acme",
  AgentDesiredCount: "2",
});
const RESULTS = stack("acme-results", {}, { BucketName: "acme-results" });

const RESOURCES: Record<string, object[]> = {
  acme: [
    ["AWS::ECS::Cluster", "acme"],
    ["AWS::ECS::Service", `${SERVICE}/server`],
    ["AWS::EFS::FileSystem", "fs-1"],
    ["AWS::ElasticLoadBalancingV2::LoadBalancer", "arn:aws:elasticloadbalancing:alb"],
  ].map(([ResourceType, PhysicalResourceId]) => ({
    LogicalResourceId: "R",
    ResourceType,
    PhysicalResourceId,
  })),
  "acme-agent": [
    { LogicalResourceId: "R", ResourceType: "AWS::ECS::Service", PhysicalResourceId: `${SERVICE}/agent` },
  ],
  "acme-results": [],
};

const TASKS: Record<string, object> = {
  server: {
    cpu: "512",
    memory: "1024",
    volumes: [
      {
        name: "data",
        efsVolumeConfiguration: { fileSystemId: "fs-1", authorizationConfig: { accessPointId: "fsap-1" } },
      },
    ],
    containerDefinitions: [
      {
        name: "server",
        image: "ghcr.io/dbward-dev/dbward-server:0.2.0",
        mountPoints: [{ sourceVolume: "data", containerPath: "/data" }],
        environment: [{ name: "RUST_LOG", value: "debug" }],
      },
    ],
  },
  agent: {
    runtimePlatform: { cpuArchitecture: "ARM64" },
    containerDefinitions: [
      {
        name: "agent",
        image: "ghcr.io/dbward-dev/dbward-agent:latest",
        secrets: [{ name: "DATABASE_URL", valueFrom: "arn:secret" }],
      },
    ],
  },
};

/** An account with a manual deployment, with some of it replaced. */
function answers(stacks: readonly object[], tasks: Record<string, object> = TASKS): Answers {
  return {
    DescribeStacks: () => ({ Stacks: stacks }),
    ListStackResources: ({ StackName }) => ({ StackResourceSummaries: RESOURCES[String(StackName)] ?? [] }),
    GetTemplate: () => ({ TemplateBody: "Resources: {}" }),
    DescribeServices: ({ services }) => ({
      services: (services as string[]).map((serviceName) => ({
        serviceName,
        status: "ACTIVE",
        desiredCount: 0,
        taskDefinition: serviceName,
        networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } },
      })),
    }),
    DescribeTaskDefinition: ({ taskDefinition }: Input) => ({
      taskDefinition: tasks[String(taskDefinition)],
    }),
  };
}

async function read(stacks: readonly object[], choice: Partial<StackChoice> = {}, tasks = TASKS) {
  await withAws(answers(stacks, tasks));
  return readHandRun(createAwsClients("eu-central-1"), "prod", { agentStacks: [], ...choice });
}

describe("readHandRun", () => {
  it("finds the stacks by their shape, and reads what runs", async () => {
    const others = [stack("network", {}), stack("prod-dbward-server", { ServerConfigToml: "" })];
    const found = await read([...others, RESULTS, AGENT, SERVER]);
    expect(found.stacks.map(({ name }) => name)).toEqual(["acme", "acme-agent", "acme-results"]);
    expect(found.server).toMatchObject({
      cluster: "acme",
      service: "server",
      tasks: 1,
      rustLog: "debug",
      architecture: "x86_64",
      config: { toml: "[auth]\n" },
      subnets: ["subnet-1", "subnet-2"],
      fileSystemId: "fs-1",
      accessPointId: "fsap-1",
      bucketName: "acme-results",
      allowedCidr: "10.0.0.0/8",
      loadBalancer: { certificateArn: undefined },
    });
    expect(found.agents).toMatchObject([
      {
        name: "app",
        service: "agent",
        tasks: 2,
        architecture: "arm64",
        databasePort: 5432,
        secrets: { DATABASE_URL: "arn:secret" },
      },
    ]);
  });

  it("takes the names that it is given", async () => {
    const second = stack("Other_Agent", { AgentConfigToml: "[server]\n", ClusterName: "acme" });
    RESOURCES.Other_Agent = RESOURCES["acme-agent"]!;
    const stacks = [SERVER, AGENT, second];
    expect((await read(stacks)).agents.map(({ name }) => name)).toEqual(["acme-agent", "other-agent"]);
    expect(
      (await read(stacks, { agentStacks: ["orders=acme-agent"] })).agents.map(({ name }) => name),
    ).toEqual(["orders"]);
    await expect(read(stacks, { serverStack: "nobodys" })).rejects.toThrow("There is no stack nobodys");
  });

  it("reads the text from the command where CloudFormation hides the parameter, and the parameter in SSM", async () => {
    const hidden = stack("acme", { ServerConfigToml: "****", ResultStorageBackend: "local" });
    const task = (container: object) => {
      const { containerDefinitions: [first] = [], ...rest } = TASKS.server as {
        containerDefinitions?: object[];
      };
      return { ...TASKS, server: { ...rest, containerDefinitions: [{ ...first, ...container }] } };
    };
    const written = task({
      command: ["cat > /tmp/server.toml << 'END'\n[auth]\na = 1\nEND\nexec dbward-server"],
    });
    expect((await read([hidden, AGENT], {}, written)).server).toMatchObject({
      config: { toml: "[auth]\na = 1\n" },
      bucketName: undefined,
    });
    const secrets = (valueFrom: string) => task({ secrets: [{ name: "DBWARD_CONFIG_TOML", valueFrom }] });
    for (const from of ["/dbward/server", "arn:aws:ssm:eu-central-1:123456789012:parameter/dbward/server"])
      expect((await read([hidden, AGENT], {}, secrets(from))).server.config).toEqual({
        parameter: "/dbward/server",
      });
    await expect(read([hidden, AGENT])).rejects.toThrow(
      "neither its parameter ServerConfigToml nor the command",
    );
  });

  it.each([
    ["no server", [AGENT], /No stack .* has the shape of a dbward server/],
    ["two servers", [SERVER, { ...SERVER, StackName: "second" }], /Several stacks .*: acme, second/],
    ["no agent", [SERVER], /No stack has the shape of an agent of cluster acme/],
  ])("refuses an account with %s", async (_title, stacks, message) => {
    const error = await read(stacks).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(message);
  });

  it("refuses a server without a file system", async () => {
    const tasks = { ...TASKS, server: { containerDefinitions: [{ name: "server" }] } };
    await expect(read([SERVER, AGENT], {}, tasks)).rejects.toThrow("has no EFS file system at /data");
  });
});
