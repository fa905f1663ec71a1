import { App, Stack } from "aws-cdk-lib";

/**
 * A CDK app of four stacks without a resource: the least that a synthesis costs. The argument is the output
 * folder.
 */
const app = new App({
  outdir: process.argv[2]!,
  context: { "aws:cdk:enable-path-metadata": false, "aws:cdk:enable-asset-metadata": false },
  treeMetadata: false,
});
for (const id of ["State", "Server", "Agents", "Monitoring"])
  new Stack(app, id, { analyticsReporting: false });
app.synth();
