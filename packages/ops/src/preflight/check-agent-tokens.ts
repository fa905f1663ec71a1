import { paginateGetParametersByPath } from "@aws-sdk/client-ssm";
import { stageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { type AwsClients, during, everyItem, type LiveStack } from "@dbward-aws/stage";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

/**
 * No agent of a deployed stage loses the bootstrap token by an omission, and none takes it over in the deployment in which another
 * one gives it up: CloudFormation creates the new secret first, and both have one name.
 */
export async function checkAgentTokens(
  settings: StageSettings,
  stacks: readonly LiveStack[],
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const { stage, agents } = settings;
  const deployed = await unlessDenied(
    "Whether the agents keep their tokens",
    "ssm:GetParametersByPath",
    findings,
    () => deployedHolder(stage, stacks, clients),
  );
  if (deployed === undefined) return;
  const names = stageNames(stage);
  const secret = names.agentTokenSecret({ name: deployed, token: "bootstrap" });
  for (const [index, { name, token }] of agents.entries()) {
    const path = `stages.${stage}.agents.${index}.token`;
    if (name === deployed && token === undefined)
      findings.refuse(
        `${path} is missing: in the deployed stage, agent "${name}" has the bootstrap token, in secret ${secret}. ` +
          'Write token: "bootstrap" to keep both. With token: "own" the agent gets a new token in a new secret, ' +
          `${names.agentTokenSecret({ name })}`,
      );
    if (name !== deployed && token === "bootstrap")
      findings.refuse(
        `${path} is "bootstrap", and in the deployed stage that token is agent "${deployed}"'s: two secrets can't have the name ` +
          `${secret} at the same time. Deploy once without this line and with ` +
          (agents.some((agent) => agent.name === deployed)
            ? `token: "own" for ${deployed}, then with this line`
            : `no agent that has the bootstrap token, then with this line`),
      );
  }
}

/** Name of the agent whose token is in the secret of the bootstrap token; `undefined` when there is none. */
async function deployedHolder(
  stage: string,
  stacks: readonly LiveStack[],
  { ssm }: AwsClients,
): Promise<string | undefined> {
  // Without a stack, a parameter is what an earlier stage has left.
  const deployed = new Set(
    stacks.flatMap(({ resources }) => resources.map(({ PhysicalResourceId }) => PhysicalResourceId)),
  );
  const names = stageNames(stage);
  const prefix = names.agentTokenSecretParameter("");
  const parameters = await during(
    "Looking up the secrets of the deployed agents",
    everyItem(
      paginateGetParametersByPath({ client: ssm }, { Path: prefix.replace(/\/$/, "") }),
      ({ Parameters }) => Parameters,
    ),
  );
  // Secrets Manager adds a hyphen and six characters to a name.
  const arnEnd = new RegExp(`:secret:${names.agentTokenSecret({ name: "", token: "bootstrap" })}-\\w{6}$`);
  return parameters
    .find(({ Name, Value = "" }) => deployed.has(Name) && arnEnd.test(Value))
    ?.Name?.slice(prefix.length);
}
