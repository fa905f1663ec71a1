import type { Container, Service, Task } from "@aws-sdk/client-ecs";
import type { Progress } from "@dbward-aws/cli";
import { SERVER } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { describeServices, describeTaskDefinition } from "@dbward-aws/stage";
import type { CommandContext } from "../command.ts";
import { endedTask, startTask } from "../one-off-task.ts";
import { awaitEarlierTask, scaleService, serverServiceOf, stopService } from "../service-control.ts";

/** Marks the one-off task of a stage, so that another call of the command finds one that still runs. */
const startedBy = ({ settings }: CommandContext) => `dbward-ops-recover-${settings.stage}`;
/** Milliseconds for the one-off task: image, secrets, migration, bootstrap, and 20 s of draining. */
const BOOTSTRAP_WITHIN = 900_000;

/** A bootstrap could not be forced. */
export class RecoverError extends DbwardError {
  override readonly name = "RecoverError";

  constructor(message: string, hint: string) {
    super("token-recovery-failed", message, { hint });
  }
}

/**
 * Makes the server revoke all bootstrap tokens and write new ones: the service is scaled to 0, a one-off task starts the server with
 * `--force-bootstrap` on the same file system and stops it as soon as the token files have changed, and the service is scaled back.
 * Only one server works on the file system at any time. After a cut at any step, another call does all of it again.
 *
 * @throws RecoverError, AwsCallError
 */
export async function forceBootstrap(context: CommandContext, progress: Progress): Promise<void> {
  const { names } = context;
  const service = (await describeServices(context.clients, context.names.cluster, [names.serverService])).get(
    names.serverService,
  );
  if (!service?.taskDefinition)
    throw new RecoverError(
      `There is no service ${names.serverService} in cluster ${names.cluster}.`,
      "Check the stage's name, the account and the region.",
    );
  progress.step("Stopping the server");
  await stopService(context, serverServiceOf(context));
  // Of a call that was cut off: two servers would write to one database.
  await awaitEarlierTask(
    context,
    { family: familyOf(service.taskDefinition), startedBy: startedBy(context) },
    BOOTSTRAP_WITHIN,
  );
  progress.step("Starting the server once with --force-bootstrap, as a one-off task");
  const task = await runOnce(context, service).catch(async (error: unknown) => {
    await scaleService(context.clients, serverServiceOf(context), 1);
    throw error;
  });
  const ended = await endedTask(context, task, BOOTSTRAP_WITHIN);
  if (!ended)
    throw new RecoverError(
      `The one-off task ${task} has not ended after ${BOOTSTRAP_WITHIN / 60_000} minutes. The server is stopped.`,
      "Read its log with `pnpm ops logs server`, stop the task, and run this command again.",
    );
  progress.step("Starting the server");
  await scaleService(context.clients, serverServiceOf(context), 1);
  const container = ended.containers?.find(({ name }) => name === SERVER.container);
  if (container?.exitCode !== 0)
    throw new RecoverError(
      `The one-off task ended without new tokens: ${endOf(ended, container)}. The server is being started as before.`,
      "Read the log with `pnpm ops logs server`, fix what it says, and run this command again.",
    );
}

/** @param taskDefinition ARN, which ends with `/FAMILY:REVISION` */
function familyOf(taskDefinition: string): string {
  return taskDefinition.slice(taskDefinition.lastIndexOf("/") + 1).replace(/:\d+$/, "");
}

/** @returns the ARN of the task */
async function runOnce(context: CommandContext, service: Service): Promise<string> {
  const { taskDefinition = "", networkConfiguration, platformVersion } = service;
  const { containerDefinitions } = await describeTaskDefinition(context.clients, taskDefinition);
  const container = containerDefinitions?.find(({ name }) => name === SERVER.container);
  // The entry point is `sh -c`, the command the script; or the command is all three.
  const command = container?.command ?? [];
  const script = command.at(-1);
  if (script === undefined)
    throw new RecoverError(
      `Container ${SERVER.container} of task definition ${taskDefinition} has no command.`,
      "Deploy the stage with this version first.",
    );
  const started = await startTask(context, {
    taskDefinition,
    startedBy: startedBy(context),
    ...(networkConfiguration && { networkConfiguration }),
    ...(platformVersion && { platformVersion }),
    overrides: {
      containerOverrides: [
        { name: SERVER.container, command: [...command.slice(0, -1), bootstrapScript(script)] },
      ],
    },
  });
  if ("arn" in started) return started.arn;
  throw new RecoverError(
    `ECS didn't start the one-off task: ${started.refused}. The server is being started as before.`,
    "Fix what ECS says, and run this command again.",
  );
}

/**
 * Runs the server until its bootstrap has written the token files, the last of which is `requester-token`, and then ends it.
 *
 * @param serverScript ends by becoming the server, so that a flag can follow it
 */
export function bootstrapScript(serverScript: string): string {
  const file = `${SERVER.stateDirectory}/requester-token`;
  return [
    `sum() { 2>/dev/null cksum < ${file}; }`,
    "before=$(sum)",
    `( ${serverScript} --force-bootstrap ) & server=$!`,
    'while [ "$(sum)" = "$before" ]; do kill -0 "$server" 2>/dev/null || { wait "$server"; exit 1; }; sleep 1; done',
    'kill "$server"',
    'wait "$server"',
    "exit 0",
  ].join("\n");
}

function endOf({ stoppedReason }: Task, container: Container | undefined): string {
  return [
    stoppedReason ?? "no reason given",
    container?.reason,
    container?.exitCode === undefined ? undefined : `exit code ${container.exitCode}`,
  ]
    .filter(Boolean)
    .join("; ");
}
