import { act, actionOptions } from "@dbward-aws/cli";
import { readLookups } from "@dbward-aws/settings";
import { command } from "../command.ts";
import { deployStage, deploySteps, deployToolOptions } from "../deploy-stage.ts";
import { preflight } from "../preflight/preflight.ts";

/** `pnpm ops deploy`. */
export const deploy = command({
  command: "deploy",
  summary: "Check the account, deploy the stage, and wait until server and agents work",
  examples: [
    ["deploy --stage prod", "With SST"],
    ["deploy --stage prod --with cdk --yes", "With the CDK's command, without questions"],
    ["deploy --stage prod --dry-run", "The checks and the plan only"],
  ],
  options: (yargs) => deployToolOptions(actionOptions(yargs)),
  async run(context, { with: tool, build, ...options }) {
    const { settings, clients, root, region, io } = context;
    const { account, warnings } = await preflight(settings, clients, readLookups(root, settings.stage));
    for (const warning of warnings) io.complain(`Warning: ${warning}`);
    const plan = {
      title: `Deploy stage ${settings.stage} to account ${account}, ${region}`,
      steps: await deploySteps(context, { tool, build }),
    };
    return act(io, options, plan, (progress) =>
      deployStage(context, { tool, build, json: options.json }, progress),
    );
  },
});
