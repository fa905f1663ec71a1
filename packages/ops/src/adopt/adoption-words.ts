import type { ServiceName } from "../service-control.ts";
import type { AdoptRequest } from "./adopt-context.ts";
import type { AdoptionRecord } from "./adoption-record.ts";

/** What an adoption does from the first change of the former deployment on. */
export function takeOverSteps(
  { server, agents, fileSystemId, stacks }: AdoptionRecord,
  { tool }: AdoptRequest,
  stage: string,
) {
  return [
    `Retain what the stage uses in ${stacks.join(", ")}, so that these can be deleted once the stage is known to be good`,
    `Scale ${serviceWords(agents)} and then service ${server.service} of cluster ${server.cluster} to 0, and wait until their tasks have ended. dbward is unavailable from here on`,
    `Wait until EFS reports no client of ${fileSystemId}, which can take five minutes`,
    `Deploy stage ${stage}: ${tool.tool} deploy --stage ${stage}. It fills its secrets with the tokens that are on the file system`,
    "Wait until the server is ready and accepts all agents; compare users, tokens and requests with the former ones",
  ];
}

/** Services, with their clusters. */
export function serviceWords(services: readonly ServiceName[]): string {
  return services.map(({ service, cluster }) => `service ${service} of cluster ${cluster}`).join(", ");
}

/** What remains of the former stacks, and how to remove it once the stage is known to be good. */
export function removalOf(
  { stacks, server, mountTargetGroup, serverGroups }: AdoptionRecord,
  region: string,
): string[] {
  const [serverStack = server.stack, ...others] = stacks;
  return [
    `The stacks ${stacks.join(", ")} stay, their services without tasks. The file system with its access point and mount targets, and the bucket, are ` +
      "retained in them. When you are sure not to go back, delete them in this order:",
    ...others.flatMap((stack) => [
      `  aws cloudformation delete-stack --stack-name ${stack} --region ${region}`,
      `  aws cloudformation wait stack-delete-complete --stack-name ${stack} --region ${region}`,
    ]),
    // A group can't be deleted while a rule of another one names it.
    ...serverGroups.map(
      (group) =>
        `  aws ec2 revoke-security-group-ingress --group-id ${mountTargetGroup} --protocol tcp --port 2049 --source-group ${group} --region ${region}`,
    ),
    `  aws cloudformation delete-stack --stack-name ${serverStack} --region ${region}`,
    "The secret with the database's URL is in use. That with the agent's token is not, unless you use it elsewhere.",
  ];
}
