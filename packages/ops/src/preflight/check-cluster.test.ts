import { describe, expect, it } from "vitest";
import { AwsFault, type Input } from "../test-support/aws-peer.ts";
import { check, mistakes } from "../test-support/preflight-run.ts";

const changes = { cluster: "shared" };
const cluster = (more: object = {}) => ({
  DescribeClusters: ({ clusters }: Input) => ({
    clusters: (clusters as string[])
      .filter((name) => name === "shared")
      .map((clusterName) => ({
        clusterName,
        status: "ACTIVE",
        capacityProviders: ["FARGATE", "FARGATE_SPOT"],
        configuration: { executeCommandConfiguration: { logging: "NONE" } },
        ...more,
      })),
  }),
});
const sessions = (executeCommandConfiguration: object) =>
  cluster({ configuration: { executeCommandConfiguration } });

/** CloudFormation's answers when the server runs in a cluster. */
const runningIn = (ClusterName: string) => ({
  DescribeStacks: ({ StackName }: { readonly StackName?: unknown }) => {
    if (StackName !== "prod-dbward-Server")
      throw new AwsFault("ValidationError", `Stack with id ${StackName} does not exist`);
    return {
      Stacks: [
        {
          StackName,
          StackStatus: "CREATE_COMPLETE",
          CreationTime: "2026-01-01T00:00:00Z",
          Outputs: [{ OutputKey: "ClusterName", OutputValue: ClusterName }],
        },
      ],
    };
  },
  ListStackResources: () => ({
    StackResourceSummaries: [
      {
        LogicalResourceId: "Service",
        ResourceType: "AWS::ECS::Service",
        PhysicalResourceId: `arn:aws:ecs:eu-central-1:123456789012:service/${ClusterName}/server`,
        ResourceStatus: "CREATE_COMPLETE",
        LastUpdatedTimestamp: "2026-01-01T00:00:00Z",
      },
    ],
  }),
  DescribeServices: () => ({ services: [] }),
});

describe("an existing cluster", () => {
  it("passes when it is as a stage needs it", async () => {
    expect((await check(changes, cluster())).warnings).toEqual([]);
  });

  it.each([
    [
      "is not there",
      { DescribeClusters: () => ({ clusters: [] }) },
      /^Cluster shared \(cluster\) doesn't exist/,
    ],
    ["was deleted", cluster({ status: "INACTIVE" }), /is INACTIVE, not ACTIVE/],
    [
      "has no providers",
      cluster({ capacityProviders: [] }),
      /has no capacity provider FARGATE, which agents use\. Run: aws ecs put-cluster-capacity-providers --cluster shared --capacity-providers FARGATE --default-capacity-provider-strategy \[\] --region eu-central-1$/,
    ],
    [
      "has another provider, which the command keeps",
      cluster({
        capacityProviders: ["own"],
        defaultCapacityProviderStrategy: [{ capacityProvider: "own", weight: 2 }],
      }),
      /--capacity-providers own FARGATE --default-capacity-provider-strategy capacityProvider=own,weight=2,base=0 --region eu-central-1$/,
    ],
    [
      "says nothing of its sessions",
      cluster({ configuration: {} }),
      /logs its ECS Exec sessions \(logging: DEFAULT\)/,
    ],
    [
      "logs its sessions",
      sessions({ logging: "OVERRIDE" }),
      /\(logging: OVERRIDE\), and the tokens would be/,
    ],
    [
      "encrypts its sessions",
      sessions({ logging: "NONE", kmsKeyId: "k1" }),
      /encrypts its ECS Exec sessions with key k1.* set capture\.method to "task"$/,
    ],
  ])("is refused when it %s", async (_title, answers, expected) => {
    expect(await mistakes(changes, answers)).toEqual([expect.stringMatching(expected)]);
  });

  it("may log its sessions when no token is in one, or when that is wanted", async () => {
    const answers = sessions({ logging: "OVERRIDE" });
    expect(await mistakes({ ...changes, capture: { method: "task" } }, answers)).toEqual([]);
    expect(await mistakes({ ...changes, capture: { allowSessionLogging: true } }, answers)).toEqual([]);
  });

  it("is not checked without the right to see it", async () => {
    const { warnings } = await check(changes, {
      DescribeClusters: () => {
        throw new AwsFault("AccessDeniedException");
      },
    });
    expect(warnings).toContainEqual(
      expect.stringMatching(/^Cluster shared .* was not checked.*ecs:DescribeClusters/),
    );
  });

  it.each([
    [
      "another one",
      "dbward-prod",
      changes,
      /runs in cluster dbward-prod, and these settings are for shared\./,
    ],
    ["one of its own", "shared", {}, /runs in cluster shared, and these settings are for dbward-prod\./],
  ])("can't be left for %s by a deployed stage", async (_title, deployed, settings, expected) => {
    expect(await mistakes(settings, { ...cluster(), ...runningIn(deployed) })).toEqual(
      expect.arrayContaining([expect.stringMatching(expected)]),
    );
    const same = deployed === "shared" ? changes : {};
    expect((await mistakes(same, { ...cluster(), ...runningIn(deployed) })).join()).not.toContain(
      "can't move",
    );
  });
});
