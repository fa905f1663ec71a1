import type { ExportInUse, StackId } from "@dbward-aws/contract";
import type { AccountFacts, StageSettings } from "@dbward-aws/settings";
import { Stack } from "aws-cdk-lib";
import * as cxapi from "aws-cdk-lib/cx-api";
import type { Construct } from "constructs";
import { KeepExports } from "./kept-exports.ts";
import { stageStackProps } from "./stage-stack-props.ts";

/** What every stack of a stage is made with. */
export interface DbwardStackProps {
  readonly settings: StageSettings;
  /** Region of the stage. The account is that of whoever deploys: no template names one. */
  readonly region: string;
  /** What is known of the account. @default - nothing but what the settings say */
  readonly facts?: AccountFacts;
  /** What is deployed of this stage and imported by others. @default - nothing */
  readonly exportsInUse?: readonly ExportInUse[];
}

/**
 * CDK's newer behaviours that these stacks count on. They are set here and not in `cdk.json`, so that a
 * template is the same whichever application makes it.
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

  constructor(
    scope: Construct,
    id: StackId,
    { settings, region, exportsInUse = [] }: DbwardStackProps,
    description: string,
  ) {
    const stackProps = stageStackProps(id, settings, region, description);
    const inUse = exportsInUse.filter(({ stack }) => stack === stackProps.stackName);
    super(scope, stackProps.stackName, {
      ...stackProps,
      ...(inUse.length === 0 ? {} : { synthesizer: new KeepExports(inUse) }),
    });
    for (const feature of FEATURES) this.node.setContext(feature, true);
    this.settings = settings;
  }
}
