import { stageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import { describeSecret, tokenSecrets } from "../secret-state.ts";
import { findStack } from "../status/stacks.ts";
import type { PreflightFindings } from "./findings.ts";

/** Secrets of an earlier stage of this name: CloudFormation could not make its own beside them. */
export async function checkLeftovers(
  settings: StageSettings,
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const names = stageNames(settings.stage);
  if (await findStack(clients, names.stack("State"))) return;
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
