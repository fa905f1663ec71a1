import type { StageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { type AwsClients, type LiveStack, resourceIds } from "@dbward-aws/stage";
import { isStopped, startCommand, stoppedByHours } from "../stopped-stage.ts";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

/**
 * A deployment of a stopped stage would start the tasks of the services that it changes and of no others, and a capture would wait for a
 * server in vain. Taking the hours away would leave alarms silent and the poller off.
 *
 * @param names cluster and services as they are deployed
 */
export async function checkHours(
  settings: StageSettings,
  names: StageNames,
  stacks: readonly LiveStack[],
  clients: Pick<AwsClients, "ecs">,
  findings: PreflightFindings,
): Promise<void> {
  const monitoring = stacks.find(({ id }) => id === "Monitoring");
  if (resourceIds(monitoring, "AWS::Scheduler::ScheduleGroup").length === 0) return;
  const stopped = await unlessDenied(
    "Whether the stage is stopped by its hours",
    "ecs:DescribeServices",
    findings,
    () => isStopped(settings, names, clients),
  );
  if (stopped)
    findings.refuse(`${stoppedByHours(settings)}. Start it before you deploy: ${startCommand(settings)}`);
}
