import { GetTemplateCommand, paginateListStackResources, type Stack } from "@aws-sdk/client-cloudformation";
import { type AwsClients, during, everyItem } from "@dbward-aws/stage";
import { type Document, isMap, parseDocument } from "yaml";

/** A resource of a stack. */
export interface StackResource {
  readonly logicalId: string;
  readonly type: string;
  /** Physical id. */
  readonly id: string;
  /** Whether it stays when the stack is deleted. */
  readonly isRetained: boolean;
}

/** A stack with its resources, and what its template says of their deletion. */
export interface StackResources {
  readonly name: string;
  /** ARN. */
  readonly stackId: string;
  readonly status: string;
  readonly resources: readonly StackResource[];
  /** Physical id of its first resource of a type. */
  idOf(type: string): string | undefined;
  /** The template as it was uploaded, JSON or YAML. */
  readonly template: string;
}

/** @throws AwsCallError */
export async function readResources(clients: AwsClients, stack: Stack): Promise<StackResources> {
  const name = stack.StackName ?? "";
  const client = clients.cloudFormation;
  const [summaries, { TemplateBody = "" }] = await Promise.all([
    during(
      `Listing the resources of ${name}`,
      everyItem(
        paginateListStackResources({ client }, { StackName: name }),
        (page) => page.StackResourceSummaries,
      ),
    ),
    during(`Reading the template of ${name}`, client.send(new GetTemplateCommand({ StackName: name }))),
  ]);
  const template = parseTemplate(TemplateBody);
  const resources = summaries
    .filter(
      ({ ResourceStatus, PhysicalResourceId }) => PhysicalResourceId && ResourceStatus !== "DELETE_COMPLETE",
    )
    .map(({ LogicalResourceId = "", ResourceType = "", PhysicalResourceId = "" }) => ({
      logicalId: LogicalResourceId,
      type: ResourceType,
      id: PhysicalResourceId,
      isRetained: policyOf(template, LogicalResourceId).startsWith("Retain"),
    }));
  return {
    name,
    stackId: stack.StackId ?? name,
    status: stack.StackStatus ?? "",
    resources,
    idOf: (wanted) => resources.find(({ type }) => type === wanted)?.id,
    template: TemplateBody,
  };
}

/**
 * A template in which some resources are retained when the stack is deleted or they are replaced; everything else is as it was. As
 * CloudFormation takes no update that changes nothing but these policies, they get a line of metadata, too.
 */
export function withRetained(template: string, logicalIds: readonly string[]): string {
  const document = parseTemplate(template);
  for (const id of logicalIds) {
    document.setIn(["Resources", id, "DeletionPolicy"], "Retain");
    document.setIn(["Resources", id, "UpdateReplacePolicy"], "Retain");
    document.setIn(["Resources", id, "Metadata", "RetainedFor"], "dbward-aws");
  }
  const isJson = template.trimStart().startsWith("{");
  return isJson ? JSON.stringify(document.toJS()) : document.toString({ lineWidth: 0 });
}

/** JSON is YAML, too. The short forms of functions, such as `!Ref`, stay what they are. */
function parseTemplate(template: string): Document {
  return parseDocument(template, { logLevel: "silent" });
}

function policyOf(template: Document, logicalId: string): string {
  const resources = template.get("Resources");
  return isMap(resources) ? String(resources.getIn([logicalId, "DeletionPolicy"]) ?? "") : "";
}
