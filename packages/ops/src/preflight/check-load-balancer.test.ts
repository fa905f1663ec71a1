import type { StageInput } from "@dbward-aws/settings";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { stageInput } from "../test-support/ops-run.ts";
import { ACCOUNT, check, mistakes } from "../test-support/preflight-run.ts";

const ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/prod/1";

/** A deployed stage with a load balancer. */
const deployed = (Scheme: string, isProtected: boolean): Answers => ({
  DescribeStacks: (input) => {
    if (!String(input.StackName).endsWith("Server")) return ACCOUNT.DescribeStacks!(input);
    const { StackName } = input;
    return { Stacks: [{ StackName, StackStatus: "CREATE_COMPLETE", CreationTime: "2026-01-01T00:00:00Z" }] };
  },
  ListStackResources: ({ StackName }) => ({
    StackResourceSummaries: String(StackName).endsWith("Server")
      ? [
          {
            LogicalResourceId: "Balancer",
            ResourceType: "AWS::ElasticLoadBalancingV2::LoadBalancer",
            PhysicalResourceId: ARN,
            ResourceStatus: "CREATE_COMPLETE",
            LastUpdatedTimestamp: "2026-01-01T00:00:00Z",
          },
        ]
      : [],
  }),
  DescribeLoadBalancers: () => ({ LoadBalancers: [{ LoadBalancerArn: ARN, Scheme }] }),
  DescribeLoadBalancerAttributes: () => ({
    Attributes: [{ Key: "deletion_protection.enabled", Value: String(isProtected) }],
  }),
});
const withBalancer: Partial<StageInput> = {
  server: { ...stageInput().server, loadBalancer: { scheme: "internal" } },
};

describe("a load balancer that is protected against deletion", () => {
  it("is not removed by a deployment", async () => {
    expect(await mistakes({}, deployed("internal", true))).toEqual([
      expect.stringMatching(
        /loadBalancer: these settings remove the internal load balancer arn.*false first/,
      ),
    ]);
  });

  it("is not replaced by one of another scheme", async () => {
    expect(await mistakes(withBalancer, deployed("internet-facing", true))).toEqual([
      expect.stringMatching(/these settings replace the internet-facing load balancer/),
    ]);
  });

  it("is no matter where it stays, or has lost its protection", async () => {
    expect(await mistakes(withBalancer, deployed("internal", true))).toEqual([]);
    expect(await mistakes({}, deployed("internal", false))).toEqual([]);
  });

  it("is a warning when it may not be looked at", async () => {
    const denied = () => {
      throw new AwsFault("AccessDenied");
    };
    const { warnings } = await check({}, { ...deployed("internal", true), DescribeLoadBalancers: denied });
    expect(warnings).toContainEqual(
      expect.stringMatching(/^Whether the load balancer may be removed was not checked/),
    );
  });
});
