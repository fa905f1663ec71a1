import {
  DescribeAccessPointsCommand,
  DescribeFileSystemPolicyCommand,
  PutFileSystemPolicyCommand,
  TagResourceCommand,
  UpdateFileSystemCommand,
} from "@aws-sdk/client-efs";
import type { Progress } from "@dbward-aws/cli";
import { FILE_SYSTEM_POLICY, stageTags } from "@dbward-aws/contract";
import { describeServices, describeTaskDefinition, during, ifThere, liveStacks } from "@dbward-aws/stage";
import type { CommandContext } from "../command.ts";
import { waitUntilUnmounted } from "../wait-until-unmounted.ts";
import { BackupError } from "./backup-error.ts";
import { type Placement, placeState } from "./place-state.ts";
import { describeFileSystem } from "./restore-file-system.ts";

const DEFAULT_PATH = "/dbward";

/**
 * Makes a restored file system one that the stage can be deployed on: the state in its place, and what
 * CloudFormation sets only on a file system that it creates: policy, throughput, tags. Can
 * be done again after a cut at any step.
 *
 * @param path directory of the state at the time of the backup. @default - that of the server at present
 */
export async function prepareFileSystem(
  context: CommandContext,
  id: string,
  path: string | undefined,
  progress: Progress,
): Promise<void> {
  const { clients, settings } = context;
  const { efs } = clients;
  // The policy lets nobody in as root: it comes last, and says that the rest is done.
  if (!(await hasPolicy(context, id))) {
    await placeState(context, await placementOf(context, id, path), progress);
    await during(
      `Setting the tags of ${id}`,
      efs.send(
        new TagResourceCommand({
          ResourceId: id,
          Tags: Object.entries(stageTags(settings.stage)).map(([Key, Value]) => ({ Key, Value })),
        }),
      ),
    );
    if ((await describeFileSystem(context, id))?.ThroughputMode !== "elastic")
      await during(
        `Setting the throughput mode of ${id}`,
        efs.send(new UpdateFileSystemCommand({ FileSystemId: id, ThroughputMode: "elastic" })),
      );
    await during(
      `Setting the policy of ${id}`,
      efs.send(
        new PutFileSystemPolicyCommand({ FileSystemId: id, Policy: JSON.stringify(FILE_SYSTEM_POLICY) }),
      ),
    );
  }
  await waitUntilUnmounted(context, id, progress);
}

async function hasPolicy({ clients }: CommandContext, id: string): Promise<boolean> {
  const found = await ifThere(
    `Reading the policy of ${id}`,
    clients.efs.send(new DescribeFileSystemPolicyCommand({ FileSystemId: id })),
    "PolicyNotFound",
  );
  return found?.Policy !== undefined;
}

async function placementOf(
  context: CommandContext,
  fileSystemId: string,
  path: string | undefined,
): Promise<Placement> {
  const { clients, names, settings } = context;
  const services = await describeServices(clients, names.cluster, [names.serverService]);
  const service = services.get(names.serverService);
  if (!service?.taskDefinition)
    throw new BackupError(
      `Stage ${settings.stage} has no server.`,
      `Deploy it first: pnpm ops deploy --stage ${settings.stage}`,
    );
  const definition = await describeTaskDefinition(clients, service.taskDefinition);
  const accessPoint = definition.volumes?.find(({ efsVolumeConfiguration }) => efsVolumeConfiguration)
    ?.efsVolumeConfiguration?.authorizationConfig?.accessPointId;
  const stacks = await liveStacks(settings.stage, clients);
  const group = stacks
    .find(({ id }) => id === "State")
    ?.resources.find(
      ({ ResourceType, LogicalResourceId }) =>
        ResourceType === "AWS::EC2::SecurityGroup" && LogicalResourceId?.startsWith("FileSystem"),
    )?.PhysicalResourceId;
  const securityGroup = settings.state?.securityGroupId ?? group;
  if (!securityGroup)
    throw new BackupError(
      "The security group of the file system's mount targets was not found in the stage's stacks.",
      `Deploy the stage with this version first: pnpm ops deploy --stage ${settings.stage}`,
    );
  return {
    fileSystemId,
    path: path ?? (await pathOf(context, accessPoint)) ?? DEFAULT_PATH,
    securityGroup,
    service,
    definition,
  };
}

async function pathOf(
  { clients }: CommandContext,
  AccessPointId: string | undefined,
): Promise<string | undefined> {
  if (AccessPointId === undefined) return undefined;
  const found = await ifThere(
    `Looking up access point ${AccessPointId}`,
    clients.efs.send(new DescribeAccessPointsCommand({ AccessPointId })),
    "AccessPointNotFound",
  );
  return found?.AccessPoints?.[0]?.RootDirectory?.Path;
}
