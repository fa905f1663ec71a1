import { APP_NAME } from "@dbward-aws/contract";
import { addDbwardStacks, deploymentRegion, retainedResources } from "@dbward-aws/infra";
import { loadStage } from "@dbward-aws/settings";
import type { SSTConfig } from "sst";
import config from "./dbward.config.ts";

/** `sst deploy --stage NAME`: reads the stage's settings, checks the account, and adds the stacks in the order of their life. */
export default {
  config: () => ({ name: APP_NAME, region: deploymentRegion() }),

  async stacks(app) {
    const settings = loadStage(config, app.stage, { root: process.cwd() });
    for (const warning of settings.warnings) console.warn(`Warning: ${warning}`);

    const { state } = addDbwardStacks(app, settings, { region: app.region });

    if (app.mode === "remove")
      for (const { stack, type, logicalId } of retainedResources(state.node.root))
        console.log(`Stays in the account: ${type} ${logicalId} of ${stack}`);
  },
} satisfies SSTConfig;
