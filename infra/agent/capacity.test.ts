import * as ecs from "aws-cdk-lib/aws-ecs";
import { describe, expect, it } from "vitest";
import { agentSettings } from "../test-support/settings.ts";
import { only, templates } from "../test-support/synth.ts";

const onDemand = templates();
const onSpot = templates({ agents: [agentSettings({ capacityProvider: "FARGATE_SPOT" })] });
const service = (template: (typeof onDemand)["agents"]) => only(template, "AWS::ECS::Service");

describe("the capacity of an agent", () => {
  it("is on demand by default, through a strategy", () => {
    expect(service(onDemand.agents).CapacityProviderStrategy).toEqual([
      { CapacityProvider: "FARGATE", Weight: 1 },
    ]);
  });

  it("is Spot where the settings say so", () => {
    expect(service(onSpot.agents).CapacityProviderStrategy).toEqual([
      { CapacityProvider: "FARGATE_SPOT", Weight: 1 },
    ]);
  });

  it("changes in place: CloudFormation replaces a service whose launch type changes", () => {
    const others = ({ CapacityProviderStrategy: _, ...properties }: Record<string, unknown>) => properties;
    expect(others(service(onSpot.agents))).toEqual(others(service(onDemand.agents)));
    expect(service(onSpot.agents)).not.toHaveProperty("LaunchType");
  });

  it("is offered by the cluster, which is the same with and without Spot", () => {
    const offered = only(onDemand.server, "AWS::ECS::ClusterCapacityProviderAssociations");
    expect(offered).toMatchObject({ CapacityProviders: ["FARGATE", "FARGATE_SPOT"] });
    expect(onSpot.server.toJSON()).toEqual(onDemand.server.toJSON());
  });

  it("of the server is always on demand", () => {
    expect(service(onSpot.server).LaunchType).toBe(ecs.LaunchType.FARGATE);
  });
});
