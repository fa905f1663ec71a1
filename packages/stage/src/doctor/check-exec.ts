import { type Finding, subjectOf } from "../finding.ts";
import { itemsOf } from "../view/part.ts";
import type { StageView } from "../view/read-stage.ts";

/** Seconds for which a task's exec agent may start. */
const START_MS = 120_000;

/**
 * Whether ECS Exec reaches the running tasks that have it: the capture and the commands of an operator go
 * through it.
 */
export function checkExec(view: StageView): Finding[] {
  return itemsOf(view.services).flatMap((service) => {
    const tasks = itemsOf(view.tasks).filter(
      (task) => task.service === service.service && task.status === "RUNNING",
    );
    return tasks.flatMap(({ id, since, execAgents }): Finding[] =>
      execAgents
        .filter(({ status }) => status !== "RUNNING" && Date.now() - since > START_MS)
        .slice(0, 1)
        .map(({ status, reason }) => ({
          code: "exec-agent-not-running",
          subject: subjectOf(service),
          severity: "error",
          problem: `The exec agent of task ${id} is ${status || "absent"}, so ECS Exec can't reach it.`,
          evidence: reason === "" ? [] : [reason],
          remedy:
            "Allow the task role ssmmessages:CreateControlChannel, CreateDataChannel, OpenControlChannel and OpenDataChannel, give its " +
            `subnets a way to Session Manager (NAT or the VPC endpoint ssmmessages), then run: pnpm ops restart ${subjectOf(service)} --stage ${view.stage}`,
        })),
    );
  });
}
