import type { Command } from "@dbward-aws/cli";
import { describeHours, isWithinHours, type StageNames } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import type { StageSettings } from "@dbward-aws/settings";
import { type AwsClients, describeServices } from "@dbward-aws/stage";
import { type CommandContext, command } from "./command.ts";
import { servicesOf } from "./services.ts";

/** A stage is stopped by its working hours, and the command needs its tasks. */
export class StageStoppedError extends DbwardError {
  override readonly name = "StageStoppedError";

  constructor(settings: StageSettings) {
    super("stage-stopped", `${stoppedByHours(settings)}.`, {
      hint: `Start it first: ${startCommand(settings)}`,
    });
  }
}

/** What is the matter, as a sentence without its full stop. */
export function stoppedByHours({ stage, hours }: StageSettings): string {
  if (!hours) return `Stage ${stage} is stopped: none of its services has a task`;
  const when = isWithinHours(hours, new Date()) ? "although it should run" : "and starts by itself";
  return `Stage ${stage} is stopped, ${when}: its hours are ${describeHours(hours)}`;
}

/** The command that starts the stage. */
export function startCommand({ stage }: StageSettings): string {
  return `pnpm ops start --stage ${stage}`;
}

/**
 * Whether a stage is there, and none of its services is to have a task. A command that stops the server alone,
 * such as a restore, leaves the agents running.
 *
 * @param names cluster and services as they are deployed
 * @throws AwsCallError
 */
export async function isStopped(
  settings: StageSettings,
  names: StageNames,
  clients: Pick<AwsClients, "ecs">,
): Promise<boolean> {
  const [server, ...agents] = servicesOf(settings, names).filter(({ tasks }) => tasks > 0);
  const found = await describeServices(
    clients,
    names.cluster,
    [server!, ...agents].map(({ service }) => service),
  );
  const isIdle = (service: string) => found.get(service)?.desiredCount === 0;
  const there = agents.filter(({ service }) => found.has(service));
  return isIdle(server!.service) && there.length > 0 && there.every(({ service }) => isIdle(service));
}

/** @throws StageStoppedError when the stage has working hours, and is stopped */
export async function refuseWhenStopped({ settings, names, clients }: CommandContext): Promise<void> {
  if (settings.hours && (await isStopped(settings, names, clients))) throw new StageStoppedError(settings);
}

/** Declares a command that needs the tasks of the stage: while the hours have stopped them, it says so. */
export function taskCommand<Options>(
  definition: Command<CommandContext, Options> & Required<Pick<Command<CommandContext, Options>, "run">>,
): Command<CommandContext, Options> {
  return command({
    ...definition,
    async run(context, options) {
      await refuseWhenStopped(context);
      return definition.run(context, options);
    },
  });
}
