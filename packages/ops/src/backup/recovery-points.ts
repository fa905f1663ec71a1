import { paginateListRecoveryPointsByResource } from "@aws-sdk/client-backup";
import { table } from "@dbward-aws/cli";
import { during, everyItem, findStack } from "@dbward-aws/stage";
import type { CommandContext } from "../command.ts";
import { stageFileSystems } from "../leftovers/file-systems.ts";
import type { BackedUp } from "./back-up.ts";
import { BackupError } from "./backup-error.ts";

/** A backup of a file system that the stage uses or has used. */
export interface RecoveryPoint {
  readonly arn: string;
  readonly vault: string;
  /** Such as `COMPLETED`. */
  readonly status: string;
  readonly created: Date | undefined;
  readonly bytes: number | undefined;
  /** Id of the file system of which it is a copy. */
  readonly fileSystem: string;
}

/**
 * The file system that the stage is deployed on.
 *
 * @throws BackupError when the stage is not deployed
 */
export async function stageFileSystem({ clients, names, settings }: CommandContext): Promise<BackedUp> {
  const stack = await findStack(clients, names.stack("State"));
  const id = stack?.Outputs?.find(({ OutputKey }) => OutputKey === "FileSystemId")?.OutputValue;
  if (!stack?.StackId || !id)
    throw new BackupError(
      `Stage ${settings.stage} has no file system: it is not deployed.`,
      `Deploy it first: pnpm ops deploy --stage ${settings.stage}`,
    );
  return { id, arn: fileSystemArn(id, stack.StackId) };
}

/** The ARN of a file system. @param sibling ARN of another resource in its account and region */
export function fileSystemArn(id: string, sibling: string): string {
  const [, partition, , region, account] = sibling.split(":");
  return `arn:${partition}:elasticfilesystem:${region}:${account}:file-system/${id}`;
}

/**
 * The backups of the stage's file system, and of others that the stage has used, newest first.
 *
 * @param also ids of further file systems
 */
export async function recoveryPoints(
  context: CommandContext,
  current: BackedUp,
  also: readonly string[] = [],
): Promise<readonly RecoveryPoint[]> {
  const former = await stageFileSystems(context.settings.stage, context.clients);
  const ids = new Set([current.id, ...also, ...former.map(({ FileSystemId }) => FileSystemId!)]);
  const lists = await Promise.all(
    [...ids].map(async (fileSystem): Promise<RecoveryPoint[]> => {
      const pages = paginateListRecoveryPointsByResource(
        { client: context.clients.backup },
        { ResourceArn: fileSystemArn(fileSystem, current.arn) },
      );
      const points = await during(
        `Listing the backups of file system ${fileSystem}`,
        everyItem(pages, (page) => page.RecoveryPoints),
      );
      return points.map(
        ({ RecoveryPointArn = "", BackupVaultName = "", Status = "", CreationDate, BackupSizeBytes }) => ({
          arn: RecoveryPointArn,
          vault: BackupVaultName,
          status: Status,
          created: CreationDate,
          bytes: BackupSizeBytes,
          fileSystem,
        }),
      );
    }),
  );
  return lists.flat().sort((a, b) => Number(b.created) - Number(a.created));
}

/** The part of an ARN by which a command line names a recovery point. */
export function idOf({ arn }: Pick<RecoveryPoint, "arn">): string {
  return arn.split(":").at(-1)!;
}

/** Prints recovery points, for people or as JSON. */
export function printRecoveryPoints(
  { print, settings }: CommandContext,
  points: readonly RecoveryPoint[],
  json: boolean,
): void {
  if (json) {
    const list = points.map(({ created, ...point }) => ({ ...point, created: created?.toISOString() }));
    print(JSON.stringify({ stage: settings.stage, recoveryPoints: list }));
    return;
  }
  if (points.length === 0) {
    print(`Stage ${settings.stage} has no backups. To make one: pnpm ops backup --stage ${settings.stage}`);
    return;
  }
  const cells = points.map((point) => [
    idOf(point),
    point.created?.toISOString() ?? "",
    point.status,
    point.bytes === undefined ? "" : `${(point.bytes / 2 ** 20).toFixed(1)} MiB`,
    point.fileSystem,
    point.vault,
  ]);
  for (const line of table([
    ["RECOVERY POINT", "CREATED", "STATUS", "SIZE", "FILE SYSTEM", "VAULT"],
    ...cells,
  ]))
    print(line);
}
