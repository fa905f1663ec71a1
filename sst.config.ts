import { APP_NAME } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { addDbwardStacks, deploymentRegion, retainedResources } from "@dbward-aws/infra";
import { clearFailedStacks, createAwsClients, preflight } from "@dbward-aws/ops";
import { loadStage } from "@dbward-aws/settings";
import type { SSTConfig } from "sst";
import type { App } from "sst/constructs";
import { VisibleError } from "sst/error.js";
import config from "./dbward.config.ts";

/** `sst deploy --stage NAME`: reads the stage's settings, checks the account, and adds the stacks in the order of their life. */
export default {
  config: () => ({ name: APP_NAME, region: deploymentRegion() }),

  async stacks(app) {
    try {
      await addStage(app);
    } catch (error) {
      // SST prints the trace of any other error, which buries what ours says.
      throw error instanceof DbwardError ? new VisibleError(error.message) : error;
    }
  },
} satisfies SSTConfig;

async function addStage(app: App): Promise<void> {
  const settings = loadStage(config, app.stage, { root: process.cwd() });
  // A deployment says which stacks it is for; `sst build` and `sst diff`, which change nothing, don't.
  const deploys = app.mode === "deploy" && app.isActiveStack !== undefined;
  const clients = createAwsClients(app.region);
  const { warnings } = deploys ? await preflight(settings, clients) : settings;
  for (const warning of warnings) console.warn(`Warning: ${warning}`);
  for (const stack of deploys ? await clearFailedStacks(app.stage, clients) : [])
    console.log(`Deleted what a failed first deployment left of ${stack}`);

  const { state } = addDbwardStacks(app, settings, { region: app.region });

  if (app.mode === "remove") {
    for (const { stack, type, logicalId } of retainedResources(state.node.root))
      console.log(`Stays in the account: ${type} ${logicalId} of ${stack}`);
    console.log(`How to delete it, data included: pnpm ops cleanup --stage ${app.stage}`);
  }
}
