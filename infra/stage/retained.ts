import { CfnDeletionPolicy, CfnResource, Stack } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/** A resource that stays when its stack is deleted. */
export interface RetainedResource {
  readonly stack: string;
  /** CloudFormation type, such as `AWS::S3::Bucket`. */
  readonly type: string;
  readonly logicalId: string;
}

/** What stays in the account when the stacks below `scope` are deleted; the user has to know. */
export function retainedResources(scope: IConstruct): RetainedResource[] {
  return scope.node.findAll().flatMap((node) =>
    CfnResource.isCfnResource(node) && isKept(node.cfnOptions.deletionPolicy)
      ? [
          {
            stack: Stack.of(node).stackName,
            type: node.cfnResourceType,
            logicalId: String(Stack.of(node).resolve(node.logicalId)),
          },
        ]
      : [],
  );
}

function isKept(policy: CfnDeletionPolicy | undefined): boolean {
  return policy === CfnDeletionPolicy.RETAIN || policy === CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
}
