import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { stageSettings } from "../test-support/settings.ts";
import { REGION } from "../test-support/synth.ts";
import { VARIANTS } from "../test-support/variants.ts";
import { stageNetwork } from "./stage-network.ts";

describe("an existing network", () => {
  it("is taken as it is, without a look-up and without a resource", () => {
    const stack = new Stack(new App(), "Stack", { env: { region: REGION } });
    const settings = stageSettings(VARIANTS["an existing VPC"]);
    const network = stageNetwork(stack, "Network", settings, undefined, undefined);
    expect(Template.fromStack(stack).toJSON().Resources).toBeUndefined();
    expect(network.vpc.selectSubnets(network.taskSubnets).subnetIds).toEqual([
      "subnet-0123456789abcdef0",
      "subnet-0123456789abcdef1",
    ]);
    expect(network.internalSubnets).toBe(network.taskSubnets);
    expect(network.cidrs).toEqual(["10.0.0.0/16"]);
    expect(network.assignPublicIp).toBe(false);
  });
});
