import { act, actionOptions } from "@dbward-aws/cli";
import { checkRestart } from "../preflight/preflight.ts";
import { changeService } from "../rollout.ts";
import { findServices, servicePositionals } from "../services.ts";
import { taskCommand } from "../stopped-stage.ts";

/** `pnpm ops restart`. */
export const restart = taskCommand({
  command: "restart <part> [name]",
  summary: "Replace tasks with new ones, after a change of a secret or an SSM parameter",
  examples: [
    ["restart server --stage prod", "The server is unavailable until its new task is healthy"],
    ["restart agent --stage prod --yes", "All agents, one after the other"],
  ],
  options: (yargs) => actionOptions(servicePositionals(yargs)),
  async run(context, { part, name, ...options }) {
    const { settings, clients, names, io } = context;
    const services = findServices(part, name, settings, names);
    const words = services.map(({ word }) => word);
    for (const warning of await checkRestart(settings, clients, words)) io.complain(`Warning: ${warning}`);
    const plan = {
      title: `Restart ${words.join(", ")} of stage ${settings.stage}`,
      steps: services.map(({ word, service }) =>
        word === "server"
          ? "Restart the server: its task stops before the next one starts, so it is unavailable for a moment"
          : `Restart ${service}, and wait until its new tasks are healthy`,
      ),
    };
    return act(io, options, plan, async (progress) => {
      const restarted: Record<string, number> = {};
      // Agents one after the other, so that there is always one that works.
      for (const { word, service } of services) {
        progress.step(`Restarting ${service}`);
        const tasks = await changeService(context, service, { forceNewDeployment: true }, progress);
        progress.done(`${service}: ${tasks} of ${tasks} running and healthy, all new.`);
        restarted[word] = tasks;
      }
      return { restarted };
    });
  },
});
