import { type StageNames, stageNames } from "@dbward-aws/contract";
import type { Findings } from "@dbward-aws/dbward-config";
import type { StageSettings } from "./stage-settings.ts";

/** What the names of a stage depend on. */
type Named = Pick<StageSettings, "stage" | "cluster">;

/** The names that a deployment of these settings gives. */
export function namesOf({ stage, cluster }: Named): StageNames {
  return stageNames(stage, cluster === undefined ? undefined : clusterName(cluster));
}

/** @param nameOrArn as the setting `cluster` has it */
export function clusterName(nameOrArn: string): string {
  return nameOrArn.slice(nameOrArn.lastIndexOf("/") + 1);
}

/** The names of a stage's services in a shared cluster must be nobody else's. */
export function checkCluster({ stage, cluster }: Named, where: string, findings: Findings): void {
  if (cluster === undefined) return;
  const own = stageNames(stage).cluster;
  if (clusterName(cluster) === own)
    findings.refuse(
      where,
      `is ${own}, the name of the cluster that the deployment creates without this setting: leave it out, or use a cluster with another name`,
    );
  if (/-agent(-|$)/.test(stage))
    findings.refuse(
      where,
      `can't be set for a stage with "-agent" in its name: its services in the shared cluster would have the names of agents of stage "${stage.slice(0, stage.indexOf("-agent"))}". Rename the stage, or leave this out`,
    );
}
