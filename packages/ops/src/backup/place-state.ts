import {
  DeregisterTaskDefinitionCommand,
  RegisterTaskDefinitionCommand,
  type Service,
  type Task,
  type TaskDefinition,
} from "@aws-sdk/client-ecs";
import {
  CreateAccessPointCommand,
  DeleteAccessPointCommand,
  DeleteMountTargetCommand,
  DescribeAccessPointsCommand,
} from "@aws-sdk/client-efs";
import type { Progress } from "@dbward-aws/cli";
import { SERVER } from "@dbward-aws/contract";
import { Deadline } from "@dbward-aws/core";
import { during, ifThere } from "@dbward-aws/stage";
import { quote } from "shell-quote";
import type { CommandContext } from "../command.ts";
import { ensureMountTarget, mountTargets } from "../mount-target.ts";
import { endedTask, startTask } from "../one-off-task.ts";
import { awaitEarlierTask } from "../service-control.ts";
import { BackupError } from "./backup-error.ts";

const TOKEN_PREFIX = "dbward-ops-restore";

/** Marks the one-off task of a stage, so that another call of the command finds one that still runs. */
const startedBy = ({ settings }: CommandContext) => `${TOKEN_PREFIX}-${settings.stage}`;
const family = ({ names }: Pick<CommandContext, "names">) => `${names.cluster}-restore`;
const VOLUME = "restored";
const DIRECTORY = "/restored";
/** Milliseconds for the task: image, mount, and a rename. */
const TASK_WITHIN = 900_000;
/** Milliseconds for an access point to come, or for mount targets to go; it takes about a minute. */
const CHANGED_WITHIN = 600_000;
const ASK_EVERY_MS = 2_000;
/** The name of a new mount target is known to the resolvers of a VPC after up to 90 s. */
const ATTEMPTS = 6;
const RETRY_MS = 20_000;

/** What the task that places the state works with. */
export interface Placement {
  readonly fileSystemId: string;
  /** Directory of the state at the time of the backup, such as `/dbward`. */
  readonly path: string;
  /** Security group of mount targets that lets the server's tasks in. */
  readonly securityGroup: string;
  readonly service: Service;
  /** Of the server. */
  readonly definition: TaskDefinition;
}

/**
 * Moves the server's state on a restored file system to `/dbward`.
 *
 * AWS Backup restores to a directory `/aws-backup-restore_<time>` whose name no API tells, so that somebody
 * has to look: a one-off task of the server's image, for which the file system gets a mount target and an
 * access point for a while. Can be done again after a cut at any step.
 *
 * @throws BackupError, AwsCallError
 */
export async function placeState(
  context: CommandContext,
  placement: Placement,
  progress: Progress,
): Promise<void> {
  const { fileSystemId } = placement;
  // Of a call that was cut off.
  await awaitEarlierTask(context, { family: family(context), startedBy: startedBy(context) }, TASK_WITHIN);
  progress.step(`Mounting ${fileSystemId} in a one-off task`);
  const subnet = placement.service.networkConfiguration?.awsvpcConfiguration?.subnets?.[0] ?? "";
  await ensureMountTarget(context, { fileSystemId, subnet, securityGroup: placement.securityGroup });
  const task = await register(context, placement, await accessPoint(context, fileSystemId));
  for (let attempt = 1; ; attempt++) {
    const ended = await runTask(context, placement, task, subnet);
    const { exitCode, reason } = ended.containers?.[0] ?? {};
    if (exitCode === 0) break;
    if (exitCode !== undefined || attempt === ATTEMPTS)
      throw new BackupError(
        exitCode === NOT_FOUND
          ? `The restored file system ${fileSystemId} has no directory ${placement.path}, or several.`
          : `The one-off task that looks for the state on ${fileSystemId} failed: ${[ended.stoppedReason, reason, exitCode !== undefined && `exit code ${exitCode}`].filter(Boolean).join("; ")}.`,
        exitCode === NOT_FOUND
          ? "Name the directory that the server had at the time of the backup with --path, or choose another recovery point."
          : "Read its log with `pnpm ops logs server`, and run this again.",
      );
    progress.step(`Waiting until ${fileSystemId} can be mounted`);
    await Deadline.after(RETRY_MS, context.signal).sleep(RETRY_MS);
    context.signal.throwIfAborted();
  }
  await during(
    `Deregistering task definition ${task}`,
    context.clients.ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: task })),
  );
  await unmount(context, fileSystemId);
}

/** Deletes the mount targets and access points of a file system that no stack has yet. */
async function unmount(context: CommandContext, FileSystemId: string): Promise<void> {
  const { efs } = context.clients;
  for (const { AccessPointId } of await accessPoints(context, FileSystemId))
    await ifThere(
      `Deleting access point ${AccessPointId}`,
      efs.send(new DeleteAccessPointCommand({ AccessPointId })),
      "AccessPointNotFound",
    );
  for (const { MountTargetId } of await mountTargets(context.clients, FileSystemId))
    await ifThere(
      `Deleting mount target ${MountTargetId}`,
      efs.send(new DeleteMountTargetCommand({ MountTargetId })),
      "MountTargetNotFound",
    );
  await eventually(context, `the mount targets of ${FileSystemId} to be deleted`, async () =>
    (await mountTargets(context.clients, FileSystemId)).length === 0 ? true : undefined,
  );
}

async function eventually<T>(
  { signal }: CommandContext,
  what: string,
  probe: () => Promise<T | undefined>,
): Promise<T> {
  const found = await Deadline.after(CHANGED_WITHIN, signal).until(probe, ASK_EVERY_MS);
  signal.throwIfAborted();
  if (found !== undefined) return found;
  throw new BackupError(
    `Waited ${CHANGED_WITHIN / 60_000} minutes for ${what}.`,
    "See the console of EFS, and run this again.",
  );
}

async function accessPoints({ clients }: CommandContext, FileSystemId: string) {
  const { AccessPoints = [] } = await during(
    `Listing the access points of ${FileSystemId}`,
    clients.efs.send(new DescribeAccessPointsCommand({ FileSystemId })),
  );
  return AccessPoints;
}

/** @returns the id of an access point on the root directory, for root, which may rename what is there */
async function accessPoint(context: CommandContext, FileSystemId: string): Promise<string> {
  if ((await accessPoints(context, FileSystemId)).length === 0)
    await during(
      `Creating an access point of ${FileSystemId}`,
      context.clients.efs.send(
        new CreateAccessPointCommand({
          FileSystemId,
          ClientToken: `${TOKEN_PREFIX}-${FileSystemId}`,
          PosixUser: { Uid: 0, Gid: 0 },
          RootDirectory: { Path: "/" },
        }),
      ),
    );
  return eventually(context, `the access point of ${FileSystemId}`, async () => {
    const found = await accessPoints(context, FileSystemId);
    return found.find(({ LifeCycleState }) => LifeCycleState === "available")?.AccessPointId;
  });
}

/** Exit code of the script when the state is not where it should be. */
const NOT_FOUND = 3;

/** Moves the state to where the server expects it. Does nothing the second time. @param path of the state, as it was backed up */
export function placingScript(path: string): string {
  const to = quote([SERVER_DIRECTORY]);
  return [
    `cd ${DIRECTORY} || exit 4`,
    `[ -d ${to} ] && exit 0`,
    `set -- aws-backup-restore_*${quote([path])}`,
    `[ $# -eq 1 ] && [ -d "$1" ] || { ls; exit ${NOT_FOUND}; }`,
    `mv "$1" ${to}`,
  ].join("\n");
}

/** Directory of the state below the root of the file system. */
const SERVER_DIRECTORY = "dbward";

/** @returns the ARN of the task definition */
async function register(
  { clients, names }: CommandContext,
  { fileSystemId, path, definition }: Placement,
  accessPointId: string,
): Promise<string> {
  const server = definition.containerDefinitions?.find(({ name }) => name === SERVER.container);
  const { taskDefinition } = await during(
    "Registering the task definition of a one-off task",
    clients.ecs.send(
      new RegisterTaskDefinitionCommand({
        family: family({ names }),
        requiresCompatibilities: ["FARGATE"],
        networkMode: "awsvpc",
        cpu: "256",
        memory: "512",
        ...(definition.executionRoleArn && { executionRoleArn: definition.executionRoleArn }),
        ...(definition.runtimePlatform && { runtimePlatform: definition.runtimePlatform }),
        containerDefinitions: [
          {
            name: SERVER.container,
            image: server?.image,
            essential: true,
            user: "0",
            entryPoint: ["sh", "-c"],
            command: [placingScript(path)],
            mountPoints: [{ sourceVolume: VOLUME, containerPath: DIRECTORY, readOnly: false }],
            ...(server?.logConfiguration && { logConfiguration: server.logConfiguration }),
          },
        ],
        volumes: [
          {
            name: VOLUME,
            efsVolumeConfiguration: {
              fileSystemId,
              transitEncryption: "ENABLED",
              authorizationConfig: { accessPointId, iam: "DISABLED" },
            },
          },
        ],
      }),
    ),
  );
  return taskDefinition?.taskDefinitionArn ?? "";
}

/** Runs the task once. @returns it when it has ended */
async function runTask(
  context: CommandContext,
  { service }: Placement,
  taskDefinition: string,
  subnet: string,
): Promise<Task> {
  const { securityGroups, assignPublicIp } = service.networkConfiguration?.awsvpcConfiguration ?? {};
  const started = await startTask(context, {
    taskDefinition,
    startedBy: startedBy(context),
    ...(service.platformVersion && { platformVersion: service.platformVersion }),
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: [subnet],
        securityGroups,
        ...(assignPublicIp && { assignPublicIp }),
      },
    },
  });
  if ("refused" in started)
    throw new BackupError(
      `ECS didn't start the one-off task: ${started.refused}.`,
      "Fix what ECS says, and run this again.",
    );
  const ended = await endedTask(context, started.arn, TASK_WITHIN);
  if (ended) return ended;
  throw new BackupError(
    `The one-off task ${started.arn} has not ended after ${TASK_WITHIN / 60_000} minutes.`,
    "Stop it, and run this again.",
  );
}
