import { DisableAlarmActionsCommand, EnableAlarmActionsCommand } from "@aws-sdk/client-cloudwatch";
import { DisableRuleCommand, EnableRuleCommand } from "@aws-sdk/client-eventbridge";
import { act, actionOptions, type Progress, UsageError } from "@dbward-aws/cli";
import { isAlarmOfTasks, type WorkingHours } from "@dbward-aws/contract";
import { deployedNames, during, liveStacks } from "@dbward-aws/stage";
import { type CommandContext, command } from "../command.ts";
import { changeService } from "../rollout.ts";
import { servicesOf } from "../services.ts";

/** `pnpm ops start`. */
export const start = command({
  command: "start",
  summary: "Start a stage outside its working hours, until their next end",
  examples: [["start --stage dev", "Server, agents, alarms, poller, in this order"]],
  options: (yargs) => actionOptions(yargs),
  async run(context, options) {
    const { settings, names, io } = context;
    const { stop } = hoursOf(context);
    const services = servicesOf(settings, names);
    const plan = {
      title: `Start stage ${settings.stage}`,
      steps: [
        ...services.map(({ service, tasks }) => `Scale ${service} to ${tasks}, and wait until it is healthy`),
        "Let alarms send messages, and start the poller",
      ],
      notes: [`The stage stops again at ${stop}.`],
    };
    return act(io, options, plan, async (progress) => {
      for (const { service, tasks } of services) await scaleTo(context, service, tasks, progress);
      await watch(context, true);
      progress.done("Alarms send messages, and the poller runs.");
      return { started: services.map(({ word }) => word) };
    });
  },
});

/** `pnpm ops stop`. */
export const stop = command({
  command: "stop",
  summary: "Stop a stage within its working hours, until their next beginning",
  examples: [["stop --stage dev", "Poller, alarms, agents, server, in this order"]],
  options: (yargs) => actionOptions(yargs),
  async run(context, options) {
    const { settings, names, io } = context;
    const { start, days } = hoursOf(context);
    const services = servicesOf(settings, names).reverse();
    const plan = {
      title: `Stop stage ${settings.stage}`,
      steps: [
        "Stop the poller, and let alarms send no messages",
        ...services.map(({ service }) => `Scale ${service} to 0, and wait until its tasks have ended`),
      ],
      notes: [
        "Statements that run longer than drain_timeout_secs of agent.toml are cut off.",
        `The stage starts again at ${start} (${days.join(", ")}).`,
      ],
    };
    return act(io, options, plan, async (progress) => {
      await watch(context, false);
      progress.done("The poller is stopped, and alarms send no messages.");
      for (const { service } of services) await scaleTo(context, service, 0, progress);
      return { stopped: services.map(({ word }) => word) };
    });
  },
});

/** @throws UsageError for a stage without hours */
function hoursOf({ settings: { hours, stage } }: CommandContext): WorkingHours {
  if (hours) return hours;
  throw new UsageError(
    `Stage ${stage} has no working hours.`,
    "Set `hours` in dbward.config.ts, or use `pnpm ops scale` for one service.",
  );
}

async function scaleTo(
  context: CommandContext,
  service: string,
  tasks: number,
  progress: Progress,
): Promise<void> {
  progress.step(`Scaling ${service} to ${tasks}`);
  const scale = () => changeService(context, service, { desiredCount: tasks }, progress);
  let running = await scale();
  // The last poll may have changed the number of an agent's tasks after this has.
  while (tasks === 0 && running > 0) running = await scale();
  progress.done(tasks === 0 ? `${service}: stopped.` : `${service}: ${running} running and healthy.`);
}

/**
 * Turns the messages of alarms and the poller on, or off. Messages come first: an alarm tells of changes alone,
 * and one that the first poll changes is to tell.
 */
async function watch({ clients, settings, names }: CommandContext, on: boolean): Promise<void> {
  const { stage } = settings;
  const { alarms, pollerRule } = deployedNames(stage, await liveStacks(stage, clients), settings);
  const AlarmNames = alarms.filter((name) => isAlarmOfTasks(name.slice(names.alarm("").length)));
  await during(
    `Turning the messages of alarms ${on ? "on" : "off"}`,
    on
      ? clients.cloudWatch.send(new EnableAlarmActionsCommand({ AlarmNames }))
      : clients.cloudWatch.send(new DisableAlarmActionsCommand({ AlarmNames })),
  );
  if (pollerRule !== undefined)
    await during(
      `${on ? "Starting" : "Stopping"} the poller`,
      on
        ? clients.eventBridge.send(new EnableRuleCommand({ Name: pollerRule }))
        : clients.eventBridge.send(new DisableRuleCommand({ Name: pollerRule })),
    );
}
