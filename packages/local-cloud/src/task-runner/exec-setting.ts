import {
  type CloudFormationClient,
  DescribeStackResourcesCommand,
  GetTemplateCommand,
} from "@aws-sdk/client-cloudformation";
import type { ServiceRecord } from "./ecs-records.ts";

/**
 * Whether tasks of a service take ECS Exec.
 *
 * A service that CloudFormation made inside the emulator has lost its `EnableExecuteCommand`: then the stack's
 * template says it.
 */
export async function isExecEnabled(
  service: ServiceRecord,
  cloudFormation: Pick<CloudFormationClient, "send">,
): Promise<boolean> {
  if (service.enableExecuteCommand) return true;
  try {
    const { StackResources = [] } = await cloudFormation.send(
      new DescribeStackResourcesCommand({ PhysicalResourceId: service.serviceArn }),
    );
    const resource = StackResources.find(
      ({ PhysicalResourceId }) => PhysicalResourceId === service.serviceArn,
    );
    if (!resource?.StackName || !resource.LogicalResourceId) return false;
    const { TemplateBody = "{}" } = await cloudFormation.send(
      new GetTemplateCommand({ StackName: resource.StackName }),
    );
    const { Resources } = JSON.parse(TemplateBody) as Template;
    return String(Resources?.[resource.LogicalResourceId]?.Properties?.EnableExecuteCommand) === "true";
  } catch {
    // Not made by CloudFormation, or by a template that isn't JSON: the record has the last word.
    return false;
  }
}

interface Template {
  readonly Resources?: Readonly<
    Record<string, { readonly Properties?: { readonly EnableExecuteCommand?: unknown } }>
  >;
}
