import { APP_NAME, stageNames } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { DbwardStage, EXPORTING_STACKS, retainedResources } from "@dbward-aws/infra/stage";
import { prepareDeployment } from "@dbward-aws/ops";
import { loadStage, readLookups } from "@dbward-aws/settings";
import {
  type AwsIdentity,
  chooseIdentity,
  confirmIdentity,
  createAwsClients,
  exportsInUse,
  IdentityError,
  lookUpFacts,
  takeIdentity,
} from "@dbward-aws/stage";
import type { SSTConfig } from "sst";
import type { App } from "sst/constructs";
import { useAWSCredentialsProvider } from "sst/credentials.js";
import { VisibleError } from "sst/error.js";
import { useProject } from "sst/project.js";
import config from "./dbward.config.ts";

/**
 * `sst deploy --stage NAME`: reads the stage's settings, checks the account, and adds the stacks in the order
 * of their life.
 */
const stage: SSTConfig = {
  // SST passes what its command line says; what it leaves in the environment holds for SST, and for the `cdk
  // bootstrap` that SST runs.
  async config({ stage = process.env.SST_STAGE, profile, region }) {
    const stageRegion = stage === undefined ? undefined : config.stages[stage]?.region;
    const identity = await visibly(takeIdentity({ profile, region, stageRegion }));
    return {
      name: APP_NAME,
      region: identity.region,
      ...(identity.profile === undefined ? {} : { profile: identity.profile }),
    };
  },

  async stacks(app) {
    await visibly(addStage(app));
  },
};

export default stage;

/** SST prints the trace of an error that isn't its own, which buries what ours says. */
async function visibly<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof DbwardError ? new VisibleError(error.message) : error;
  }
}

async function addStage(app: App): Promise<void> {
  const root = process.cwd();
  const settings = loadStage(config, app.stage, { root });
  // A deployment says which stacks it is for; `sst build` and `sst diff`, which change nothing, don't.
  const deploys = app.mode === "deploy" && app.isActiveStack !== undefined;
  const identity = await identityOf(app, settings.region);
  const clients = createAwsClients(app.region, { credentials: useAWSCredentialsProvider() });
  console.log((await confirmIdentity(identity, clients, settings)).line);
  const lookups = readLookups(root, app.stage);
  // Without a deployment the committed facts do, as for `pnpm synth`: a removal works after its VPC has
  // changed, too.
  const { facts } = deploys
    ? await prepareDeployment(settings, clients, { lookups, print: console.log })
    : { facts: lookups ?? (await lookUpFacts(settings, clients)) };
  if (!deploys) for (const warning of settings.warnings) console.log(`Warning: ${warning}`);

  const inUse = await exportsInUse(EXPORTING_STACKS.map(stageNames(app.stage).stack), clients);
  const { state } = new DbwardStage(app, { settings, region: app.region, facts, exportsInUse: inUse });

  if (app.mode === "remove") {
    for (const { stack, type, logicalId } of retainedResources(state.node.root))
      console.log(`Stays in the account: ${type} ${logicalId} of ${stack}`);
    console.log(`How to delete it, data included: pnpm ops cleanup --stage ${app.stage}`);
    if (settings.terminationProtection)
      console.log(
        `The stacks are protected against deletion. To remove them: pnpm ops remove --stage ${app.stage}`,
      );
  }
}

/**
 * The identity that `config` has left in the environment.
 *
 * @throws IdentityError when it is another one by now
 */
async function identityOf(app: App, stageRegion: string | undefined): Promise<AwsIdentity> {
  // SST reads `.env` after `config`, and lays it over the environment; no other tool reads it.
  const identity = await chooseIdentity({ stageRegion });
  const { profile } = useProject().config;
  // SST knows no profile when there are keys in variables.
  const expected = identity.usesKeys ? undefined : identity.profile;
  if (identity.region !== app.region || expected !== profile)
    throw new IdentityError(
      `SST works in region ${app.region} by ${profile ?? "no profile"}, and the environment now says region ` +
        `${identity.region} by ${expected ?? "no profile"}.`,
      "Take AWS_ variables out of .env files, and name a stage by --stage: its region is then known from the beginning.",
    );
  return identity;
}
