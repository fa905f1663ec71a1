import { expect, it } from "vitest";
import { deployedNames } from "./deployed-names.ts";
import type { LiveStack } from "./stage-stacks.ts";

/** The stacks of a stage with these ECS services. */
function stacksWith(cluster: string, server: string, ...agents: string[]): LiveStack[] {
  const stack = (id: "Server" | "Agents", services: string[]): LiveStack => ({
    id,
    name: id,
    arn: `arn:aws:cloudformation:eu-central-1:123456789012:stack/${id}/1`,
    status: "CREATE_COMPLETE",
    isProtected: false,
    outputs: new Map(),
    resources: services.map((service, index) => ({
      LogicalResourceId: `Service${index}`,
      ResourceType: "AWS::ECS::Service",
      PhysicalResourceId: `arn:aws:ecs:eu-central-1:123456789012:service/${cluster}/${service}`,
      ResourceStatus: "CREATE_COMPLETE" as const,
      LastUpdatedTimestamp: new Date(0),
    })),
  });
  return [stack("Server", [server]), stack("Agents", agents)];
}

it.each([
  ["its own cluster", "dbward-prod", ""],
  ["a cluster that others use as well", "shared", "dbward-prod-"],
])("knows the agents by their names, in %s", (_where, cluster, prefix) => {
  const stacks = stacksWith(cluster, `${prefix}server`, `${prefix}agent-app`, `${prefix}agent-agent-x`);
  expect(deployedNames("prod", stacks).services).toEqual([
    { kind: "server", name: "server", service: `${prefix}server` },
    { kind: "agent", name: "app", service: `${prefix}agent-app` },
    { kind: "agent", name: "agent-x", service: `${prefix}agent-agent-x` },
  ]);
});
