import type { StackId } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { Stack } from "aws-cdk-lib";
import * as cxapi from "aws-cdk-lib/cx-api";
import type { Construct } from "constructs";
import { stageStackProps } from "./stage-stack-props.ts";

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

/** A stack that runs or keeps a part of a stage. */
export abstract class DbwardStack extends Stack {
  readonly settings: StageSettings;

  constructor(scope: Construct, id: StackId, { settings, region }: DbwardStackProps, description: string) {
    const stackProps = stageStackProps(id, settings.stage, region, description);
    super(scope, stackProps.stackName, stackProps);
    for (const feature of FEATURES) this.node.setContext(feature, true);
    this.settings = settings;
  }
}
