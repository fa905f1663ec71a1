import { isEcr } from "./ecr.ts";
import type { Findings } from "./findings.ts";
import { isDbwards } from "./schema/fields.ts";
import type { ParsedStage } from "./schema/stage-schema.ts";

/** Whether a tag is moved to new versions: `latest` anywhere, and such as `0.2` where dbward publishes. */
function isMoving({ repository, tag }: ParsedStage["server"]["image"]): boolean {
  return tag === "latest" || (isDbwards(repository) && /^\d+(\.\d+)?$/.test(tag));
}

/** Tells of settings that are allowed and yet unwise. */
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
        `is "${image.tag}": what runs changes without a deployment, and the server's schema can't go back. Pin a version`,
      );
    if (isEcr(image.repository) && !image.ecrRepositoryName)
      findings.warn(
        at(`${path}.ecrRepositoryName`),
        "is not set: without it the execution role may not pull from ECR",
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
      "is not set: whoever uses the load balancer sends tokens through the VPC in plain text",
    );
  if (network.egress === "public" && server.allowedCidrs.includes("0.0.0.0/0"))
    findings.warn(
      at("server.allowedCidrs"),
      "is open to the whole internet, and the server has a public address: tokens cross it in plain text",
    );
}
