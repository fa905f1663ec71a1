import { hasAlarm, isAlarmId, isLoadBalancerAlarm } from "@dbward-aws/contract";
import type { z } from "zod";
import { asFields, asList } from "./unknown-values.ts";

/**
 * Refuses settings that have no effect because of another one.
 *
 * @param written the stage as dbward.config.ts has it: after the defaults are filled in, nobody can tell what was written
 */
export function checkUnused(written: unknown, context: z.RefinementCtx): void {
  const refuse = (path: readonly string[], message: string) =>
    context.addIssue({ code: "custom", path: [...path], message });
  const { storage, server, capture, monitoring, agents } = asFields(written);
  const { backend, retentionDays, versioning } = asFields(storage);
  const { method, allowSessionLogging } = asFields(capture);
  const { loadBalancer, listener } = asFields(server);

  if (backend === "local" && retentionDays !== undefined)
    refuse(
      ["storage", "retentionDays"],
      'has no effect with backend "local": the server deletes these results after retention_days of server.toml',
    );
  if (backend === "local" && versioning === true)
    refuse(["storage", "versioning"], 'has no effect with backend "local": there is no bucket');
  for (const [index, agent] of asList(agents).entries()) {
    const { desiredCount, scaling } = asFields(agent);
    if (desiredCount !== undefined && scaling !== undefined)
      refuse(
        ["agents", String(index), "desiredCount"],
        "has no effect: scaling decides the number of tasks. Leave one of the two out",
      );
  }
  if (method === "task" && allowSessionLogging === true)
    refuse(
      ["capture", "allowSessionLogging"],
      'has no effect with method "task", which opens no ECS Exec session: leave it out',
    );
  const { level, thresholds } = asFields(monitoring);
  for (const alarm of Object.keys(asFields(thresholds)))
    if (loadBalancer === undefined && listener === undefined && isLoadBalancerAlarm(alarm))
      refuse(
        ["monitoring", "thresholds", alarm],
        "has no effect: the stage has no load balancer (server.loadBalancer, server.listener), so it has no such alarm",
      );
    else if (level !== "full" && isAlarmId(alarm) && !hasAlarm("essential", alarm))
      refuse(
        ["monitoring", "thresholds", alarm],
        'has no effect: only a stage with monitoring.level "full" has this alarm',
      );
}
