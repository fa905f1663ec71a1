import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { stageNames } from "@dbward-aws/contract";
import { DbwardStage, type DbwardStageProps, EXPORTING_STACKS } from "@dbward-aws/infra/stage";
import { loadStage, readLookups, type StageSettings } from "@dbward-aws/settings";
import { chooseIdentity } from "@dbward-aws/stage/identity";
import { App } from "aws-cdk-lib";
import config from "./dbward.config.ts";

/**
 * The stacks of a stage without SST.
 *
 *     pnpm synth --stage prod [--out DIR]    writes the templates, by default to cdk.out, without credentials or a network:
 *                                            what the settings name only by its id comes from dbward.lookup.json
 *     pnpm cdk deploy --stage prod           runs this through the CDK's own command, see cdk.ts
 */
const { values } = parseArgs({
  options: {
    stage: { type: "string" },
    out: { type: "string" },
    profile: { type: "string" },
    region: { type: "string" },
  },
});
const root = import.meta.dirname;
const environment = process.env;
/** The CDK's own command passes the stage as context, and names its own output folder. */
const isSynth = values.stage !== undefined;
/** Region of templates that nobody deploys: the fallback of SST and of the CDK's command. */
const FALLBACK_REGION = "us-east-1";

/** What the CDK's own command reads in a manifest, and nothing else does: the half of it. */
const UNREAD_METADATA = {
  "aws:cdk:disable-logicalId-metadata": true,
  "aws:cdk:disable-stack-trace": true,
};

const app = new App({
  ...(isSynth && { outdir: resolve(values.out ?? "cdk.out") }),
  // As in SST: paths and the sources of assets are of no use in a template, and nothing here reads the construct tree.
  context: {
    "aws:cdk:enable-path-metadata": false,
    "aws:cdk:enable-asset-metadata": false,
    ...(isSynth && UNREAD_METADATA),
  },
  treeMetadata: false,
});
/** SST prepares a new account with `cdk bootstrap`, which runs this file, and names the stage in this variable. */
const stage: unknown = values.stage ?? app.node.tryGetContext("stage") ?? environment.SST_STAGE;

// In a function: the bundle that `pnpm synth` runs is CommonJS, which has no top-level await.
main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

async function main(): Promise<void> {
  if (typeof stage !== "string" || stage === "")
    throw new Error("Which stage? Name it with --stage, such as --stage prod.");
  const settings = loadStage(config, stage, { root });
  const { region } = await chooseIdentity(
    { ...values, stageRegion: settings.region },
    environment,
    environment.CDK_DEFAULT_REGION ?? FALLBACK_REGION,
  );
  // The CDK's own command names the account when it has credentials.
  const knowsAccount = !isSynth && environment.CDK_DEFAULT_ACCOUNT !== undefined;
  const facts = readLookups(root, stage);
  const known = knowsAccount ? await askAccount(settings, region) : { ...(facts && { facts }) };
  new DbwardStage(app, { settings, region, ...known });
  const assembly = app.synth();
  if (isSynth) {
    for (const warning of settings.warnings) console.error(`Warning: ${warning}`);
    console.error(`Region: ${region}`);
    for (const { templateFullPath } of assembly.stacks) console.log(templateFullPath);
  }
}

/** What the account says of the stage. The AWS SDK is loaded only here: it would be a third of the time of a synthesis. */
async function askAccount(
  settings: StageSettings,
  region: string,
): Promise<Pick<DbwardStageProps, "facts" | "exportsInUse">> {
  const { createAwsClients, exportsInUse, lookUpFacts } = await import("@dbward-aws/stage");
  const clients = createAwsClients(region);
  return {
    facts: await lookUpFacts(settings, clients),
    exportsInUse: await exportsInUse(EXPORTING_STACKS.map(stageNames(settings.stage).stack), clients),
  };
}
