import type { Findings } from "@dbward-aws/dbward-config";
import { containsBlock } from "./schema/blocks.ts";
import { isDbwards } from "./schema/fields.ts";
import { ANYWHERE } from "./schema/server.ts";
import type { ParsedStage } from "./schema/stage.ts";
import { pathOfDatabase, type UsedSecret } from "./used-secrets.ts";

/** Whether a tag is moved to new versions: `latest` anywhere, and such as `0.2` where dbward publishes. */
function isMoving({ repository, tag }: ParsedStage["server"]["image"]): boolean {
  return tag === "latest" || (isDbwards(repository) && /^\d+(\.\d+)?$/.test(tag));
}

/** Warns of settings that are allowed but risky. */
export function warnOfRisks(stage: ParsedStage, at: (path: string) => string, findings: Findings): void {
  const { network, server, agents } = stage;
  const images = [
    { path: "server.image", image: server.image },
    ...agents.map(({ image }, index) => ({ path: `agents.${index}.image`, image })),
  ];
  for (const { path, image } of images) {
    if (isMoving(image))
      findings.warn(
        at(`${path}.tag`),
        `is "${image.tag}": the version can change without a deployment, and the schema of the server's database can't be downgraded. Pin a version`,
      );
  }
  if (server.loadBalancer?.scheme === "internet-facing" && !server.loadBalancer.certificateArn)
    findings.warn(
      at("server.loadBalancer.allowPublicHttp"),
      "is true: tokens cross the internet in plain text",
    );
  if (server.loadBalancer?.scheme === "internal" && !server.loadBalancer.certificateArn)
    findings.warn(
      at("server.loadBalancer.certificateArn"),
      "is not set: clients of the load balancer send tokens through the VPC in plain text",
    );
  if (server.listener?.url.startsWith("http:"))
    findings.warn(
      at("server.listener.url"),
      "is not HTTPS: clients of the load balancer send tokens through the VPC in plain text",
    );
  if (network.kind === "new")
    for (const [index, agent] of agents.entries())
      for (const [place, { cidrs = [] }] of agent.databases.entries())
        for (const block of cidrs)
          if (block !== ANYWHERE && block !== network.cidr && containsBlock(block, network.cidr))
            findings.warn(
              at(`agents.${index}.${pathOfDatabase(agent, place)}.cidrs`),
              `has ${block}, which overlaps network.cidr (${network.cidr}): the new VPC can't be peered with one of an overlapping block. ` +
                "Name the database's own block, and choose another network.cidr",
            );
  if (
    network.kind === "existing" &&
    network.publicSubnets.length > 0 &&
    server.loadBalancer?.scheme !== "internet-facing"
  )
    findings.warn(
      at("network.publicSubnets"),
      "has no effect: only an internet-facing load balancer (server.loadBalancer) uses public subnets",
    );
  if (stage.backup.lock?.mode === "compliance")
    findings.warn(
      at("backup.lock.mode"),
      `is "compliance": ${stage.backup.lock.changeableForDays} days after the deployment nobody can take the lock off or delete a copy, not even AWS`,
    );
  if (network.egress === "public" && server.allowedCidrs.includes(ANYWHERE))
    findings.warn(
      at("server.allowedCidrs"),
      "is open to the whole internet, and the server has a public address: tokens cross the internet in plain text",
    );
}

/** Secrets Manager interprets a name that looks like the end of a complete ARN as one. */
export function warnOfSecretNames(
  secrets: readonly UsedSecret[],
  at: (path: string) => string,
  findings: Findings,
): void {
  for (const { kind, name, path } of secrets)
    if (kind === "secret" && !name.startsWith("arn:") && /-[A-Za-z0-9]{6}$/.test(name))
      findings.warn(
        at(path),
        "ends in a hyphen and six letters or digits, which Secrets Manager interprets as the end of an ARN: name the secret by its complete ARN",
      );
}
