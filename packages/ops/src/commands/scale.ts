import { act, actionOptions, UsageError } from "@dbward-aws/cli";
import { describeServices } from "@dbward-aws/stage";
import { type CommandContext, command } from "../command.ts";
import { changeService } from "../rollout.ts";
import { findServices, servicePositionals } from "../services.ts";

const MAX_TASKS = 100;

/** `pnpm ops scale`. */
export const scale = command({
  command: "scale <part> [name]",
  summary: "Change how many tasks run until the settings are deployed with another number",
  examples: [
    ["scale agent app --count 3 --stage prod", "Three tasks of the agent app"],
    ["scale server --count 0 --stage prod", "Stop the server; --count 1 starts it again"],
  ],
  options: (yargs) =>
    actionOptions(
      servicePositionals(yargs).option("count", {
        requiresArg: true,
        demandOption: true,
        describe: "Number of tasks",
        coerce: taskCount,
      }),
    ),
  async run(context, { part, name, count, ...options }) {
    const { settings, names, io } = context;
    if (part === "server" && count > 1)
      throw new UsageError(
        "The server can't have more than one task.",
        "Two tasks would write to one database and corrupt it. Use --count 0 or --count 1.",
      );
    const services = findServices(part, name, settings, names);
    for (const { word, scaling } of services)
      if (scaling && count !== 0 && (count < scaling.min || count > scaling.max))
        throw new UsageError(
          `Agent ${word} scales by itself between ${scaling.min} and ${scaling.max} tasks.`,
          `Use a number between them, 0 to stop the agent until you scale it again, or change scaling in its settings and deploy.`,
        );
    const differing = await differingServices(context, services, count);
    const plan = {
      title: `Scale ${services.map(({ word }) => word).join(", ")} of stage ${settings.stage} to ${count}`,
      steps: differing.map(({ service, running, wanted, scaling }) => {
        const differs = scaling ? count < scaling.min : wanted !== count;
        const kept = differs
          ? `; the settings have ${wanted}${scaling ? " or more" : ""}, \`pnpm ops status\` reports the difference`
          : scaling
            ? "; the poller continues from there by the queue"
            : "";
        return `Scale ${service} from ${running} to ${count}${kept}`;
      }),
    };
    return act(io, options, plan, async (progress) => {
      const tasks: Record<string, number> = {};
      for (const { word, service } of differing) {
        progress.step(`Scaling ${service} to ${count}`);
        tasks[word] = await changeService(context, service, { desiredCount: count }, progress);
        progress.done(`${service}: ${tasks[word]} of ${count} running and healthy.`);
      }
      return { tasks };
    });
  },
});

/** The services that have another number of tasks, or are on the way to this one. */
async function differingServices(
  context: CommandContext,
  services: ReturnType<typeof findServices>,
  count: number,
) {
  const found = await describeServices(
    context.clients,
    context.names.cluster,
    services.map(({ service }) => service),
  );
  return services.flatMap(({ word, service, tasks: wanted, scaling }) => {
    const { desiredCount = 0, runningCount = 0 } = found.get(service) ?? {};
    return desiredCount === count && runningCount === count
      ? []
      : [{ word, service, wanted, scaling, running: runningCount }];
  });
}

function taskCount(text: string): number {
  const count = Number(text);
  if (text !== "" && Number.isInteger(count) && count >= 0 && count <= MAX_TASKS) return count;
  throw new UsageError(`--count can't be "${text}".`, `Use a number from 0 to ${MAX_TASKS}.`);
}
