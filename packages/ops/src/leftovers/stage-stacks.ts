import {
  GetTemplateCommand,
  paginateDescribeStackEvents,
  paginateListStacks,
} from "@aws-sdk/client-cloudformation";
import { STACK_IDS, stageNames } from "@dbward-aws/contract";
import { type AwsClients, during, everyItem, type LiveStack } from "@dbward-aws/stage";

/** States of a stack whose first creation failed, or that could not be deleted: it can only be deleted. */
const ENDED = /^(ROLLBACK_COMPLETE|ROLLBACK_FAILED|DELETE_FAILED|REVIEW_IN_PROGRESS)$/;

/** Whether a part of the stage runs on a stack. */
export function isDeployed({ status }: LiveStack): boolean {
  return !ENDED.test(status);
}

/** A resource that a stack keeps when it is deleted. */
export interface KeptResource {
  readonly type: string;
  readonly id: string;
  /** ARN of the stack. */
  readonly stackId: string;
}

/** Resources that the stacks keep by their templates when they are deleted. */
export async function keptByTemplates(
  stacks: readonly LiveStack[],
  clients: AwsClients,
): Promise<readonly KeptResource[]> {
  const kept = await Promise.all(
    stacks.map(async ({ name, resources }) => {
      const { TemplateBody = "{}" } = await during(
        `Reading the template of ${name}`,
        clients.cloudFormation.send(new GetTemplateCommand({ StackName: name })),
      );
      const { Resources = {} } = JSON.parse(TemplateBody) as {
        Resources?: Record<string, { DeletionPolicy?: string }>;
      };
      return resources.filter(({ LogicalResourceId }) =>
        Resources[LogicalResourceId!]?.DeletionPolicy?.startsWith("Retain"),
      );
    }),
  );
  return asKept(kept.flat());
}

/** Resources that deleted stacks of the stage kept; CloudFormation has their events for 90 days. */
export async function keptByDeletedStacks(
  stage: string,
  clients: AwsClients,
): Promise<readonly KeptResource[]> {
  const wanted = new Set(STACK_IDS.map((id) => stageNames(stage).stack(id)));
  const client = clients.cloudFormation;
  const stacks = await during(
    "Listing the deleted stacks",
    everyItem(
      paginateListStacks({ client }, { StackStatusFilter: ["DELETE_COMPLETE"] }),
      (page) => page.StackSummaries,
    ),
  );
  const events = await Promise.all(
    stacks
      .filter(({ StackName }) => wanted.has(StackName!))
      .map(({ StackId, StackName }) =>
        during(
          `Reading the events of the deleted ${StackName}`,
          everyItem(
            paginateDescribeStackEvents({ client }, { StackName: StackId }),
            (page) => page.StackEvents,
          ),
        ),
      ),
  );
  return asKept(events.flat().filter(({ ResourceStatus }) => ResourceStatus === "DELETE_SKIPPED"));
}

function asKept(
  resources: readonly { ResourceType?: string; PhysicalResourceId?: string; StackId?: string }[],
): KeptResource[] {
  const kept = resources
    .filter(({ ResourceType, PhysicalResourceId }) => PhysicalResourceId && !isPartOf(ResourceType!))
    .map(({ ResourceType, PhysicalResourceId, StackId = "" }) => ({
      type: ResourceType!,
      id: PhysicalResourceId!,
      stackId: StackId,
    }));
  return [...new Map(kept.map((resource) => [resource.id, resource])).values()];
}

/** Goes with what it belongs to. */
function isPartOf(type: string): boolean {
  return ["AWS::S3::BucketPolicy", "AWS::EFS::AccessPoint", "AWS::EFS::MountTarget"].includes(type);
}
