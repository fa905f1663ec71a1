import {
  AGENT,
  CONFIG_VARIABLE,
  LOG_FILTER_VARIABLE,
  NO_INSTANCE_METADATA_VARIABLE,
  SERVER,
} from "@dbward-aws/contract";
import type { z } from "zod";
import { RESULT_STORAGE_VARIABLE } from "../container/variables.ts";
import { isEcr } from "../ecr.ts";
import { asFields, asList } from "./given.ts";

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
    for (const variable of Object.keys(asFields(task.secrets)))
      if (RESERVED.includes(variable))
        refuse([...path, "secrets", variable], "is set by the deployment: choose another name");
  }
}

/** Variables that the deployment gives to containers. */
const RESERVED: readonly string[] = [
  CONFIG_VARIABLE,
  RESULT_STORAGE_VARIABLE,
  AGENT.tokenVariable,
  AGENT.tokenVersionVariable,
  AGENT.databaseUrlVariable,
  SERVER.licenseKeyVariable,
  LOG_FILTER_VARIABLE,
  NO_INSTANCE_METADATA_VARIABLE,
];
