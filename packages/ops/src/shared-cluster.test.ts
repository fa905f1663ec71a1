import { describe, expect, it } from "vitest";
import { type Answers, AwsFault, type Input } from "./test-support/aws-peer.ts";
import { noStack } from "./test-support/empty-account.ts";
import { ops, withAws } from "./test-support/ops-run.ts";

const OWN = { cluster: "dbward-prod", services: ["server", "agent-app", "agent-reports"] };
const SHARED = {
  cluster: "shared",
  services: ["dbward-prod-server", "dbward-prod-agent-app", "dbward-prod-agent-reports"],
};

/** CloudFormation's answer when the stage was deployed to a cluster. */
const deployedTo = (ClusterName: string) => ({
  DescribeStacks: ({ StackName }: Input) => ({
    Stacks: [
      {
        StackName,
        StackStatus: "UPDATE_COMPLETE",
        CreationTime: "2026-01-01T00:00:00Z",
        ...(/Server$/.test(String(StackName)) && {
          Outputs: [{ OutputKey: "ClusterName", OutputValue: ClusterName }],
        }),
      },
    ],
  }),
});

/** ECS with these services, which notes the cluster and the services of every call. */
function ecs(named: { cluster: string; services: readonly string[] }) {
  const asked = { clusters: new Set<unknown>(), services: new Set<unknown>() };
  const note = (input: Input) => {
    asked.clusters.add(input.cluster);
    for (const service of [input.service ?? input.serviceName ?? input.services].flat())
      asked.services.add(service);
  };
  const service = (serviceName: string) => ({
    serviceName,
    status: "ACTIVE",
    desiredCount: 1,
    runningCount: 1,
    taskDefinition: `${serviceName}:3`,
    deployments: [{ id: "d1", status: "PRIMARY", rolloutState: "COMPLETED" }],
  });
  const answers: Answers = {
    DescribeServices(input) {
      note(input);
      if (input.cluster !== named.cluster) throw new AwsFault("ClusterNotFoundException");
      return {
        services: named.services.filter((name) => (input.services as string[]).includes(name)).map(service),
      };
    },
    UpdateService(input) {
      note(input);
      return { service: service(String(input.service)) };
    },
    ListTasks(input) {
      note(input);
      return { taskArns: ["task/1"] };
    },
    DescribeTasks: () => ({
      tasks: [{ taskArn: "task/1", lastStatus: "RUNNING", healthStatus: "HEALTHY", startedBy: "d1" }],
    }),
    DescribeTaskDefinition: () => ({
      taskDefinition: {
        containerDefinitions: [
          { name: "server", logConfiguration: { options: { "awslogs-group": "/ecs/dbward-prod/x" } } },
        ],
      },
    }),
    FilterLogEvents: () => ({ events: [] }),
  };
  return { asked, answers };
}

describe.each([
  ["restart server --yes", ["dbward-prod-server"]],
  ["restart agent --yes", ["dbward-prod-agent-app", "dbward-prod-agent-reports"]],
  ["scale agent app --count 1 --yes", ["dbward-prod-agent-app"]],
  ["scale server --count 1 --yes", ["dbward-prod-server"]],
  ["logs server agent app", ["dbward-prod-server", "dbward-prod-agent-app"]],
])("pnpm ops %s", (line, services) => {
  it("uses the services in the cluster that the stage was deployed to", async () => {
    const { asked, answers } = ecs(SHARED);
    await withAws({ ...answers, ...deployedTo("shared") });
    const { code, err } = await ops(line);
    expect([code, err]).toEqual([0, ""]);
    expect([[...asked.clusters], [...asked.services].sort()]).toEqual([["shared"], services.toSorted()]);
  });

  it("uses the stage's own cluster whatever the settings say of the next deployment", async () => {
    const { asked, answers } = ecs(OWN);
    await withAws({ ...answers, ...deployedTo("dbward-prod") });
    expect(await ops(line, { cluster: "shared" })).toMatchObject({ code: 0, err: "" });
    expect([[...asked.clusters], [...asked.services].sort()]).toEqual([
      ["dbward-prod"],
      services.map((name) => name.replace("dbward-prod-", "")).sort(),
    ]);
  });

  it.each([
    ["nothing is deployed", noStack],
    [
      "the caller may not see the stacks",
      () => {
        throw new AwsFault("AccessDenied");
      },
    ],
  ])("takes the cluster from the settings when %s", async (_when, DescribeStacks) => {
    const { asked, answers } = ecs(SHARED);
    await withAws({ ...answers, DescribeStacks });
    await ops(line, { cluster: "arn:aws:ecs:eu-central-1:123456789012:cluster/shared" });
    expect([[...asked.clusters], [...asked.services].sort()]).toEqual([["shared"], services.toSorted()]);
  });
});
