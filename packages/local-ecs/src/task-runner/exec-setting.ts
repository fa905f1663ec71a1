import {
  type CloudFormationClient,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
} from "@aws-sdk/client-cloudformation";
import type { ServiceRecord } from "./ecs-records.ts";

/**
 * Whether tasks of a service take ECS Exec.
 *
 * A service that CloudFormation made inside the emulator has lost its `EnableExecuteCommand`: then the
 * stack's template says it.
 */
export async function isExecEnabled(
  service: ServiceRecord,
  cloudFormation: Pick<CloudFormationClient, "send">,
): Promise<boolean> {
  if (service.enableExecuteCommand) return true;
  const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand());
  for (const { StackName, StackStatus = "" } of Stacks) {
    if (!StackName || StackStatus === "DELETE_COMPLETE") continue;
    const [{ StackResources = [] }, { TemplateBody = "" }] = await Promise.all([
      // A search by the resource's own id is missing in the emulator.
      cloudFormation.send(new DescribeStackResourcesCommand({ StackName })),
      cloudFormation.send(new GetTemplateCommand({ StackName })),
    ]);
    const known = StackResources.find(({ PhysicalResourceId }) => PhysicalResourceId === service.serviceArn);
    const resource = readResources(TemplateBody).find(([logicalId, { Properties }]) =>
      // While CloudFormation makes the service, its id isn't known yet; its task may run already.
      known ? logicalId === known.LogicalResourceId : isBusy(StackStatus) && isNamed(service, Properties),
    );
    if (resource) return String(resource[1].Properties?.EnableExecuteCommand) === "true";
  }
  return false;
}

interface ServiceResource {
  readonly Type?: string;
  readonly Properties?: { readonly ServiceName?: unknown; readonly EnableExecuteCommand?: unknown };
}

/** The services in a template, by their logical ids. */
function readResources(template: string): [string, ServiceResource][] {
  try {
    const { Resources = {} } = JSON.parse(template) as { Resources?: Record<string, ServiceResource> };
    return Object.entries(Resources).filter(([, { Type }]) => Type === "AWS::ECS::Service");
  } catch {
    // A template that isn't JSON was not made by us: the record has the last word.
    return [];
  }
}

function isBusy(status: string): boolean {
  return status.endsWith("_IN_PROGRESS");
}

function isNamed(service: ServiceRecord, properties: ServiceResource["Properties"]): boolean {
  return properties?.ServiceName === service.serviceName;
}
