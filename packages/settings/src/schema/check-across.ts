import type { z } from "zod";
import { isEcr } from "../ecr.ts";
import { asFields, asList } from "./given.ts";
import { variableReader } from "./reserved-names.ts";

/** What the parts of a stage have to agree on. Runs on whatever was given, so that its findings come with all others. */
export function checkAcross(value: unknown, context: z.RefinementCtx): void {
  const refuse = (path: PropertyKey[], message: string) =>
    context.addIssue({ code: "custom", path, message });
  const stage = asFields(value);
  const network = asFields(stage.network);
  const loadBalancer = asFields(asFields(stage.server).loadBalancer);
  const tasks = [
    { path: ["server"], task: asFields(stage.server) },
    ...asList(stage.agents).map((agent, index) => ({ path: ["agents", index], task: asFields(agent) })),
  ];

  if (
    network.vpcId !== undefined &&
    loadBalancer.scheme === "internet-facing" &&
    asList(network.publicSubnets).length < 2
  )
    refuse(
      ["network", "publicSubnets"],
      "must name two public subnets or more: the internet-facing load balancer stands in them",
    );

  for (const { path, task } of tasks) {
    const { repository } = asFields(task.image);
    if (network.egress === "endpoints" && typeof repository === "string" && !isEcr(repository))
      refuse(
        [...path, "image", "repository"],
        `is ${repository}, which can't be reached: the network's egress is "endpoints", so images have to come ` +
          'from ECR. Copy the image there (or use a pull-through cache), or set the egress to "nat"',
      );
    for (const variable of Object.keys(asFields(task.secrets))) {
      const reader = variableReader(variable);
      if (reader)
        refuse(
          [...path, "secrets", variable],
          `can't be the name of a secret's variable: ${reader}. Choose another one`,
        );
    }
  }
}
