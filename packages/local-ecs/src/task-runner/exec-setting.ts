import {
  type CloudFormationClient,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
} from "@aws-sdk/client-cloudformation";
import { jsonText } from "@dbward-aws/local-account";
import { z } from "zod";
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

const resource = z.object({
  Type: z.string().optional(),
  Properties: z.object({ ServiceName: z.unknown(), EnableExecuteCommand: z.unknown() }).partial().optional(),
});
type ServiceResource = z.output<typeof resource>;

const template = jsonText(z.object({ Resources: z.record(z.string(), resource).default({}) }));

/** The services in a template, by their logical ids. */
function readResources(body: string): [string, ServiceResource][] {
  // A template that isn't JSON is not a dbward stage's.
  const { Resources = {} } = template.safeParse(body).data ?? {};
  return Object.entries(Resources).filter(([, { Type }]) => Type === "AWS::ECS::Service");
}

function isBusy(status: string): boolean {
  return status.endsWith("_IN_PROGRESS");
}

function isNamed(service: ServiceRecord, properties: ServiceResource["Properties"]): boolean {
  return properties?.ServiceName === service.serviceName;
}
