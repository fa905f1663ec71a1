import { APP_NAME, type StackId, stageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { Aws, Stack, Tags } from "aws-cdk-lib";
import * as cxapi from "aws-cdk-lib/cx-api";
import type { Construct } from "constructs";

/** What every stack of a stage is made with. */
export interface DbwardStackProps {
  readonly settings: StageSettings;
  /** Region of the stage. The account is that of whoever deploys: no template names one. */
  readonly region: string;
}

/**
 * CDK's newer behaviours that these stacks count on. They are set here and not in `cdk.json`, so that a template is the
 * same whichever application makes it.
 */
const FEATURES = [
  cxapi.IAM_MINIMIZE_POLICIES,
  cxapi.ECS_DISABLE_EXPLICIT_DEPLOYMENT_CONTROLLER_FOR_CIRCUIT_BREAKER,
  cxapi.ECS_REMOVE_DEFAULT_DEPLOYMENT_ALARM,
  cxapi.EFS_MOUNTTARGET_ORDERINSENSITIVE_LOGICAL_ID,
  cxapi.ENABLE_PARTITION_LITERALS,
] as const;

/**
 * A stack of a stage. Its construct id is its CloudFormation name: SST stops what depends on a failed stack by that
 * name, and `cdk deploy` takes it as an argument.
 */
export abstract class DbwardStack extends Stack {
  readonly settings: StageSettings;

  constructor(scope: Construct, id: StackId, props: DbwardStackProps, description: string) {
    const stackName = stageNames(props.settings.stage).stack(id);
    super(scope, stackName, {
      stackName,
      description: `${APP_NAME} ${props.settings.stage}: ${description}`,
      // The account stays open even where the application knows it, as SST's does: a template then fits any account, and
      // availability zones are asked of CloudFormation, not looked up at synth.
      env: { account: Aws.ACCOUNT_ID, region: props.region },
      analyticsReporting: false,
    });
    // SST adds these two itself; here they make every way of deploying give the same templates.
    Tags.of(this).add("sst:app", APP_NAME);
    Tags.of(this).add("sst:stage", props.settings.stage);
    for (const feature of FEATURES) this.node.setContext(feature, true);
    this.settings = props.settings;
  }
}
