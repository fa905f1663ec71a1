import { stageNames } from "@dbward-aws/contract";
import type { Findings } from "@dbward-aws/dbward-config";
import type { MonitoringSettings } from "./schema/monitoring.ts";

/** An existing topic must not be the one that the deployment creates, and would now delete. */
export function checkTopic(
  stage: string,
  { topicArn }: Pick<MonitoringSettings, "topicArn">,
  where: string,
  findings: Findings,
): void {
  const own = stageNames(stage).topic;
  if (topicArn?.endsWith(`:${own}`))
    findings.refuse(
      where,
      `is ${own}, the topic that the deployment creates without this setting, and deletes with it: leave it out, or use a topic with another name`,
    );
}
