import type { AccountFacts, StageSettings } from "@dbward-aws/settings";
import type { AwsClients } from "@dbward-aws/stage";
import { clearFailedStacks } from "./clear-failed-stacks.ts";
import { ensureServiceLinkedRole } from "./ensure-service-linked-role.ts";
import { preflight } from "./preflight/preflight.ts";
import { applyTerminationProtection } from "./termination-protection.ts";

/** How a deployment is prepared. */
export interface Preparation {
  /** What dbward.lookup.json says of the stage. */
  readonly lookups: AccountFacts | undefined;
  /** Writes a line for the user: a warning, or something that was done. */
  readonly print: (line: string) => void;
}

/**
 * Does what comes before every deployment, whichever tool deploys: checks the account, creates the service-linked role of
 * ECS, and deletes what failed first deployments left.
 *
 * @throws PreflightError with everything that is missing or wrong, before anything is changed
 * @throws AwsCallError when AWS can't be asked, or a stack can't be deleted
 */
export async function prepareDeployment(
  settings: StageSettings,
  clients: AwsClients,
  { lookups, print }: Preparation,
): Promise<{ readonly facts: AccountFacts }> {
  const { warnings, facts } = await preflight(settings, clients, lookups);
  for (const warning of warnings) print(`Warning: ${warning}`);
  const role = await ensureServiceLinkedRole(clients);
  if (role !== undefined) print(role);
  for (const stack of await clearFailedStacks(settings.stage, clients))
    print(`Deleted what a failed first deployment left of ${stack}`);
  for (const stack of await applyTerminationProtection(settings, clients))
    print(`Termination protection of ${stack}: ${settings.terminationProtection ? "on" : "off"}`);
  return { facts };
}
