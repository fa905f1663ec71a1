import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { addDbwardStacks, deploymentRegion } from "@dbward-aws/infra";
import { loadStage } from "@dbward-aws/settings";
import { App } from "aws-cdk-lib";
import config from "./dbward.config.ts";

/**
 * The stacks of a stage without SST, and without credentials or a network.
 *
 *     pnpm synth --stage prod [--out DIR]          writes the templates, to cdk.out unless told otherwise
 *     pnpm cdk deploy --all -c stage=prod          deploys them with the CDK's own command
 */
const { values } = parseArgs({ options: { stage: { type: "string" }, out: { type: "string" } } });
const root = import.meta.dirname;
/** The CDK's own command passes the stage as context, and names its own folder. */
const byHand = values.stage !== undefined;

const app = new App({
  ...(byHand ? { outdir: resolve(values.out ?? "cdk.out") } : {}),
  // As SST has it: paths and assets' sources are of no use in a template.
  context: { "aws:cdk:enable-path-metadata": false, "aws:cdk:enable-asset-metadata": false },
});
/** SST prepares a fresh account by `cdk bootstrap`, which runs this file, and names the stage in this variable. */
const stage: unknown = values.stage ?? app.node.tryGetContext("stage") ?? process.env.SST_STAGE;

try {
  if (typeof stage !== "string" || stage === "")
    throw new Error("Which stage? Write --stage NAME, or -c stage=NAME with the cdk command.");
  const settings = loadStage(config, stage, { root });
  addDbwardStacks(app, settings, { region: deploymentRegion() });
  const assembly = app.synth();
  if (byHand) {
    for (const warning of settings.warnings) console.error(`Warning: ${warning}`);
    for (const { templateFullPath } of assembly.stacks) console.log(templateFullPath);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
