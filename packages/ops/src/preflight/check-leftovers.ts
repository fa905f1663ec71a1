import { DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { stageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import { during } from "../aws-error.ts";
import { describeSecret, tokenSecrets } from "../secret-state.ts";
import type { PreflightFindings } from "./findings.ts";

/** Secrets of an earlier stage of this name: CloudFormation could not make its own beside them. */
export async function checkLeftovers(
  settings: StageSettings,
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const names = stageNames(settings.stage);
  if (await isDeployed(clients, names.stack("State"))) return;
  await Promise.all(
    tokenSecrets(settings, names).map(async ({ secret }) => {
      const { state } = await describeSecret(clients, secret);
      if (state === "missing") return;
      const left = state === "being-deleted" ? "is still being deleted" : "is there already";
      findings.refuse(
        `Secret ${secret} ${left}, though the stage is not deployed: it is left over from an earlier one. If nobody ` +
          `needs it, run: aws secretsmanager delete-secret --secret-id ${secret} --force-delete-without-recovery`,
      );
    }),
  );
}

async function isDeployed(clients: AwsClients, stack: string): Promise<boolean> {
  const { Stacks = [] } = await during(
    "Listing the stacks",
    describeStack(clients, stack).catch((error: unknown) => {
      // CloudFormation has no error of its own for a stack that isn't there.
      if (error instanceof Error && /does not exist/.test(error.message)) return { Stacks: [] };
      throw error;
    }),
  );
  return Stacks.length > 0;
}

function describeStack(clients: AwsClients, stack: string) {
  return clients.cloudFormation.send(new DescribeStacksCommand({ StackName: stack }));
}
