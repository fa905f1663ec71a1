import { AGENT, variableReader } from "@dbward-aws/contract";
import type { z } from "zod";
import { unreachableImage } from "../ecr.ts";
import { secretReference } from "../secret-reference.ts";
import { containsBlock } from "./blocks.ts";
import { asFields, asList } from "./unknown-values.ts";

/** Checks the parts of a stage against each other. Runs on any value, so that all mistakes are reported together. */
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

  const { listener } = asFields(stage.server);
  if (listener !== undefined && asFields(stage.server).loadBalancer !== undefined)
    refuse(
      ["server", "listener"],
      "can't be set together with server.loadBalancer: people reach the server through one of the two. Leave one out",
    );

  if (
    network.vpcId !== undefined &&
    loadBalancer.scheme === "internet-facing" &&
    asList(network.publicSubnets).length < 2
  )
    refuse(
      ["network", "publicSubnets"],
      "must name at least two public subnets for the internet-facing load balancer",
    );

  const isNewNetwork = network.vpcId === undefined && network.subnets === undefined;
  if (isNewNetwork && asFields(stage.state).securityGroupId !== undefined)
    refuse(
      ["state", "securityGroupId"],
      "can't be set for a VPC that the deployment creates: mount targets that exist are in another VPC. Deploy into that VPC " +
        "(network.vpcId and network.subnets), or delete the mount targets and leave this out: the deployment creates new ones",
    );

  const monitoring = asFields(stage.monitoring);
  if (typeof monitoring.topicArn === "string") {
    const regionOfTopic = monitoring.topicArn.split(":")[3];
    for (const [list, protocol] of [
      ["emails", "email"],
      ["httpsEndpoints", "https"],
    ] as const)
      if (asList(monitoring[list]).length > 0)
        refuse(
          ["monitoring", list],
          `can't be set together with monitoring.topicArn, whose subscriptions are its owner's. Leave it out, and subscribe: aws sns subscribe --topic-arn ${monitoring.topicArn} --protocol ${protocol} --notification-endpoint ${protocol === "email" ? "ADDRESS" : "URL"} --region ${regionOfTopic}`,
        );
  }

  const named = new Set([
    asFields(stage.storage).bucketName,
    monitoring.topicArn,
    ...tasks.flatMap(({ task }) => [
      task.configParameter,
      secretIdOf(task.licenseKeySecret),
      ...secretsOf(task),
    ]),
  ]);
  for (const name of Object.keys(asFields(asFields(stage.encryption).keys)))
    if (!named.has(name))
      refuse(
        ["encryption", "keys", name],
        "is not the name of a secret, a parameter, a bucket or a topic in these settings: write it exactly as it is there",
      );

  if (isNewNetwork)
    asList(stage.agents).forEach((agent, index) => {
      for (const { path, database } of databasesOf(asFields(agent)))
        if (!leavesBlock(database, network.cidr)) refuse(["agents", index, ...path], NO_DATABASE_IN_NEW_VPC);
    });

  for (const { path, task } of tasks) {
    const { repository, ecrRepositoryName } = asFields(task.image);
    if (network.egress === "endpoints" && ecrRepositoryName === undefined && typeof repository === "string") {
      const problem = unreachableImage({ repository }, 'network.egress is "endpoints"', 'set it to "nat"');
      if (problem) refuse([...path, "image", "repository"], problem);
    }
    for (const variable of Object.keys(asFields(task.secrets))) {
      const reader =
        variable === AGENT.databaseUrlVariable
          ? "it holds the database URL of the agent, from database.urlSecret"
          : variableReader(variable);
      if (reader)
        refuse(
          [...path, "secrets", variable],
          `can't be the name of a secret's variable: ${reader}. Choose another one`,
        );
    }
  }
}

/** Name or ARN of a secret, without the key and the version that a setting may name in it. */
function secretIdOf(text: unknown): unknown {
  return typeof text === "string" ? secretReference(text)?.secretId : undefined;
}

/** Names of the secrets that a task uses. */
function secretsOf(task: Readonly<Record<string, unknown>>): unknown[] {
  const urls = databasesOf(task).map(({ database }) => database.urlSecret);
  return [...Object.values(asFields(task.secrets)), ...urls].map(secretIdOf);
}

/** The databases of an agent with their paths, whether the schema has already made a list of a single one or not. */
function databasesOf({ database, databases }: Readonly<Record<string, unknown>>) {
  const list = asList(databases).map(asFields);
  const isAlone = list.length === 1 && list[0]?.variable === AGENT.databaseUrlVariable;
  return [
    ...(database === undefined ? [] : [{ path: ["database"], database: asFields(database) }]),
    ...list.map((each, at) => ({ path: isAlone ? ["database"] : ["databases", at], database: each })),
  ];
}

const NO_DATABASE_IN_NEW_VPC =
  "would have to be in the VPC that the deployment creates, which contains no database. Deploy into the database's VPC " +
  "(network.vpcId and network.subnets), or set cidrs to the database's public address or to the CIDR block of a VPC that you peer " +
  "with the new one. If you have added the database to the stage's VPC since, set its securityGroupId";

/** Whether a database can be outside of the new VPC's block. Malformed settings are reported elsewhere. */
function leavesBlock({ securityGroupId, cidrs }: Readonly<Record<string, unknown>>, block: unknown): boolean {
  if (securityGroupId !== undefined || typeof block !== "string") return true;
  if (cidrs === undefined) return false;
  return !asList(cidrs).every((each) => typeof each === "string" && containsBlock(block, each));
}
