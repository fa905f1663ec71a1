import {
  CreateMountTargetCommand,
  DescribeMountTargetsCommand,
  type MountTargetDescription,
} from "@aws-sdk/client-efs";
import { DbwardError, Deadline } from "@dbward-aws/core";
import { type AwsClients, during } from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";

/** Milliseconds for a mount target to become available; it takes about a minute. */
const AVAILABLE_WITHIN = 600_000;
const ASK_EVERY_MS = 2_000;

/** A mount target does not become available. */
class MountTargetError extends DbwardError {
  override readonly name = "MountTargetError";

  constructor(fileSystemId: string, subnet: string) {
    super(
      "mount-target-unavailable",
      `The mount target of ${fileSystemId} in ${subnet} is not available after ${AVAILABLE_WITHIN / 60_000} minutes.`,
      { hint: "Look for the reason in the EFS console, and run this again." },
    );
  }
}

/** The mount targets of a file system. @throws AwsCallError */
export async function mountTargets(
  { efs }: Pick<AwsClients, "efs">,
  fileSystemId: string,
): Promise<readonly MountTargetDescription[]> {
  const { MountTargets = [] } = await during(
    `Listing the mount targets of ${fileSystemId}`,
    efs.send(new DescribeMountTargetsCommand({ FileSystemId: fileSystemId })),
  );
  return MountTargets;
}

/**
 * Creates a mount target of a file system in a subnet that has none, and waits until it is available.
 *
 * @throws MountTargetError, AwsCallError
 */
export async function ensureMountTarget(
  { clients, signal }: Pick<CommandContext, "clients" | "signal">,
  {
    fileSystemId,
    subnet,
    securityGroup,
  }: { readonly fileSystemId: string; readonly subnet: string; readonly securityGroup: string },
): Promise<void> {
  const inSubnet = async () =>
    (await mountTargets(clients, fileSystemId)).find(({ SubnetId }) => SubnetId === subnet);
  if (!(await inSubnet()))
    await during(
      `Creating a mount target of ${fileSystemId} in ${subnet}`,
      clients.efs.send(
        new CreateMountTargetCommand({
          FileSystemId: fileSystemId,
          SubnetId: subnet,
          SecurityGroups: [securityGroup],
        }),
      ),
    );
  const available = await Deadline.after(AVAILABLE_WITHIN, signal).until(
    async () => (await inSubnet())?.LifeCycleState === "available" || undefined,
    ASK_EVERY_MS,
  );
  signal.throwIfAborted();
  if (!available) throw new MountTargetError(fileSystemId, subnet);
}
