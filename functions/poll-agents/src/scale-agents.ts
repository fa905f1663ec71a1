import { type ECSClient, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import type { Deadline, Logger } from "@dbward-aws/core";
import type { ScalingStep } from "./agent-scaler.ts";
import type { ServiceNames } from "./environment.ts";

/** Carries out steps, one after the other. A step that fails is logged; the next poll tries it again. */
export async function scaleAgents(
  ecs: ECSClient,
  { cluster, agents }: ServiceNames,
  steps: readonly ScalingStep[],
  logger: Logger,
  { signal }: Deadline,
): Promise<void> {
  for (const step of steps) {
    const service = agents.find(({ agent }) => agent === step.agent)?.name;
    if (service === undefined) continue;
    try {
      const command = new UpdateServiceCommand({ cluster, service, desiredCount: step.to });
      await ecs.send(command, { abortSignal: signal });
      logger.info("agent.scaled", { ...step });
    } catch (error) {
      logger.warn("agent.scaling-failed", { ...step, error });
    }
  }
}
