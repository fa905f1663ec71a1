import { paginateListStackResources, type StackResourceSummary } from "@aws-sdk/client-cloudformation";
import { STACK_IDS, type StackId, stageNames } from "@dbward-aws/contract";
import type { AwsClients } from "./aws-clients.ts";
import { during } from "./aws-error.ts";
import { everyItem } from "./pages.ts";
import { findStack } from "./stacks.ts";

/** A stack of a stage that exists, whatever its state. */
export interface LiveStack {
  readonly id: StackId;
  readonly name: string;
  /** Such as `CREATE_COMPLETE` or `DELETE_FAILED`. */
  readonly status: string;
  readonly arn: string;
  /** Whether CloudFormation refuses to delete it (termination protection). */
  readonly isProtected: boolean;
  readonly resources: readonly StackResourceSummary[];
  /** Outputs by their names. */
  readonly outputs: ReadonlyMap<string, string>;
}

/**
 * The stacks of a stage that exist, with their resources.
 *
 * @throws AwsCallError
 */
export async function liveStacks(
  stage: string,
  clients: Pick<AwsClients, "cloudFormation">,
): Promise<readonly LiveStack[]> {
  const found = await Promise.all(
    STACK_IDS.map(async (id): Promise<LiveStack[]> => {
      const name = stageNames(stage).stack(id);
      const stack = await findStack(clients, name);
      if (!stack) return [];
      const pages = paginateListStackResources({ client: clients.cloudFormation }, { StackName: name });
      const resources = await during(
        `Listing the resources of ${name}`,
        everyItem(pages, (page) => page.StackResourceSummaries),
      );
      const outputs = new Map(
        (stack.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey!, OutputValue!]),
      );
      return [
        {
          id,
          name,
          status: stack.StackStatus ?? "",
          arn: stack.StackId ?? name,
          isProtected: stack.EnableTerminationProtection ?? false,
          resources,
          outputs,
        },
      ];
    }),
  );
  return found.flat();
}

/** Physical ids of a stack's resources of some types, without those that are deleted. */
export function resourceIds(stack: LiveStack | undefined, ...types: readonly string[]): string[] {
  return (stack?.resources ?? [])
    .filter(
      ({ ResourceType, ResourceStatus }) =>
        types.includes(ResourceType ?? "") && ResourceStatus !== "DELETE_COMPLETE",
    )
    .flatMap(({ PhysicalResourceId }) => (PhysicalResourceId ? [PhysicalResourceId] : []));
}
