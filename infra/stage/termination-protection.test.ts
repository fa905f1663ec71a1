import { expect, it } from "vitest";
import { serverSettings } from "../test-support/settings.ts";
import { only, stage, templates } from "../test-support/synth.ts";

it.each([true, false])("protects all stacks and the load balancer, or none: %s", (terminationProtection) => {
  const server = serverSettings({ loadBalancer: { scheme: "internal", allowedCidrs: ["10.0.0.0/8"] } });
  const settings = { terminationProtection, server };
  expect(stage(settings).stacks.map((stack) => stack.terminationProtection)).toEqual(
    Array.from({ length: 4 }, () => terminationProtection),
  );
  const { LoadBalancerAttributes } = only(
    templates(settings).server,
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
  );
  expect(LoadBalancerAttributes).toContainEqual({
    Key: "deletion_protection.enabled",
    Value: String(terminationProtection),
  });
});
