import { paginateListBackupJobs, paginateListRecoveryPointsByResource } from "@aws-sdk/client-backup";
import { during } from "../aws-error.ts";
import type { Finding } from "../finding.ts";
import { everyItem } from "../pages.ts";
import { liveStacks } from "../stage-stacks.ts";
import { foreignText, millis } from "../view/part.ts";
import type { StageView } from "../view/read-stage.ts";
import type { DoctorOptions } from "./diagnose.ts";

const DAY = 86_400_000;
/** A copy is due every day, and a job may take one. */
const OVERDUE_AFTER = 2 * DAY;

/** Whether the daily copies of the server's file system are made. */
export async function checkBackups({ at }: StageView, options: DoctorOptions): Promise<Finding[]> {
  const { stage, clients } = options;
  const state = (await liveStacks(stage, clients)).find(({ id }) => id === "State");
  const fileSystem = state?.outputs.get("FileSystemId");
  const selection = state?.resources.find(
    ({ ResourceType }) => ResourceType === "AWS::Backup::BackupSelection",
  );
  if (!state || !fileSystem || !selection) return [];
  const [, partition, , region, account] = state.arn.split(":");
  const ResourceArn = `arn:${partition}:elasticfilesystem:${region}:${account}:file-system/${fileSystem}`;
  const points = await during(
    `Listing the backups of file system ${fileSystem}`,
    everyItem(
      paginateListRecoveryPointsByResource({ client: clients.backup }, { ResourceArn }),
      (page) => page.RecoveryPoints,
    ),
  );
  const newest = Math.max(
    0,
    ...points
      .filter(({ Status = "" }) => ["COMPLETED", "AVAILABLE"].includes(Status))
      .map(({ CreationDate }) => millis(CreationDate)),
  );
  // A plan that is new, or was changed to another file system, has had no time for one.
  if (at - Math.max(newest, millis(selection.LastUpdatedTimestamp)) <= OVERDUE_AFTER) return [];
  return [
    {
      code: "backup-overdue",
      subject: "backups",
      severity: "warning",
      problem:
        newest === 0
          ? `File system ${fileSystem} has no copy, and one is due every day.`
          : `The newest copy of file system ${fileSystem} is of ${new Date(newest).toISOString()}, and one is due every day.`,
      evidence: await lastFailure(ResourceArn, options),
      remedy: `Remove the cause, and make one: pnpm ops backup --stage ${stage}`,
    },
  ];
}

async function lastFailure(ByResourceArn: string, { clients }: DoctorOptions): Promise<string[]> {
  const jobs = await during(
    `Listing the backup jobs of ${ByResourceArn}`,
    everyItem(
      paginateListBackupJobs({ client: clients.backup }, { ByResourceArn }),
      (page) => page.BackupJobs,
    ),
  );
  const [last] = jobs
    .filter(({ State = "" }) => ["ABORTED", "EXPIRED", "FAILED", "PARTIAL"].includes(State))
    .sort((a, b) => millis(b.CreationDate) - millis(a.CreationDate));
  if (!last) return [];
  const when = last.CreationDate?.toISOString() ?? "an unknown time";
  return [
    foreignText(
      `Backup job ${last.BackupJobId} of ${when} is ${last.State}: ${last.StatusMessage ?? "no reason"}`,
    ),
  ];
}
