import {
  DescribeAccessPointsCommand,
  DescribeBackupPolicyCommand,
  DescribeFileSystemPolicyCommand,
  DescribeFileSystemsCommand,
  DescribeMountTargetSecurityGroupsCommand,
  DescribeMountTargetsCommand,
  type FileSystemDescription,
  type MountTargetDescription,
} from "@aws-sdk/client-efs";
import { DescribeKeyCommand } from "@aws-sdk/client-kms";
import { FILE_SYSTEM_POLICY, SERVER, type StageNames } from "@dbward-aws/contract";
import { type AccountFacts, NEW_KEY, type StageSettings } from "@dbward-aws/settings";
import { type AwsClients, during, ifThere, type LiveStack, resourceIds } from "@dbward-aws/stage";
import { stageFileSystems } from "../leftovers/file-systems.ts";
import { deletion } from "../leftovers/leftover.ts";
import { isDeployed } from "../leftovers/stage-stacks.ts";
import { CONNECTED_MINUTES, connectedClients } from "./connected-clients.ts";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

type State = NonNullable<StageSettings["state"]>;

/** Input of the checks of the state. */
export interface StateContext {
  readonly settings: StageSettings;
  /** Cluster and services as they are deployed. */
  readonly names: StageNames;
  /** Facts of the network. */
  readonly facts: AccountFacts;
  /** The stacks of the stage that exist. */
  readonly stacks: readonly LiveStack[];
  readonly clients: AwsClients;
  readonly region: string;
  readonly findings: PreflightFindings;
  /** Another server still has the file system mounted; missing mount targets will be created. */
  readonly beforeCutOver: boolean;
}

/**
 * Checks the server's state: that no new file system is created while a kept one exists, that an existing one can be mounted,
 * and that the stage doesn't move to another one by mistake.
 */
export async function checkState(context: StateContext): Promise<void> {
  const { settings, names, stacks } = context;
  const name = names.stack("State");
  const stack = stacks.find((each) => each.name === name && isDeployed(each));
  const current = stack?.outputs.get("FileSystemId");
  if (settings.state) await checkExisting(settings.state, stack, current, context);
  else if (!stack) await refuseNewBesideKept(context);
  else if (
    current !== undefined &&
    stack.resources.some(({ PhysicalResourceId }) => PhysicalResourceId === current)
  )
    await unlessDenied(
      `The key of file system ${current}`,
      "elasticfilesystem:DescribeFileSystems",
      context.findings,
      () => checkKeyOfOwn(current, stack, context),
    );
  else if (current !== undefined)
    context.findings.refuse(
      `The stage runs on the existing file system ${current}, and without the setting state it would get a new, empty one. ` +
        `Write state: { fileSystemId: "${current}" }`,
    );
}

/** CloudFormation replaces a file system by an empty one when its key changes. */
async function checkKeyOfOwn(id: string, stack: LiveStack, context: StateContext): Promise<void> {
  const { settings, clients, findings } = context;
  const { FileSystems = [] } = await during(
    `Looking up file system ${id}`,
    clients.efs.send(new DescribeFileSystemsCommand({ FileSystemId: id })),
  );
  const present = FileSystems[0]?.KmsKeyId;
  if (!present || (await isWanted(present, stack, context))) return;
  findings.refuse(
    `File system ${id} is encrypted with ${present}, but encryption.kmsKey is ${settings.encryption.kmsKey ?? "not set, which means a key of AWS"}: ` +
      "CloudFormation would replace the file system by a new, empty one. Leave the setting as it was, or use the file system as an " +
      `existing one, which keeps its key: state: { fileSystemId: "${id}" }`,
  );
}

async function isWanted(
  present: string,
  stack: LiveStack,
  { settings, clients }: StateContext,
): Promise<boolean> {
  const { kmsKey } = settings.encryption;
  const isOwn = stack.resources.some(
    ({ ResourceType, PhysicalResourceId }) =>
      ResourceType === "AWS::KMS::Key" && PhysicalResourceId && present.endsWith(PhysicalResourceId),
  );
  if (kmsKey !== undefined) return kmsKey === NEW_KEY ? isOwn : kmsKey === present;
  if (isOwn) return false;
  const { KeyMetadata } = await during(
    `Looking up key ${present}`,
    clients.kms.send(new DescribeKeyCommand({ KeyId: present })),
  );
  return KeyMetadata?.KeyManager !== "CUSTOMER";
}

/** A second file system would start the server on an empty state, and the first one would be forgotten. */
async function refuseNewBesideKept({ settings, clients, region, findings }: StateContext): Promise<void> {
  const kept = await unlessDenied(
    "Whether an earlier deployment has left a file system",
    "elasticfilesystem:DescribeFileSystems",
    findings,
    () => stageFileSystems(settings.stage, clients),
  );
  for (const { FileSystemId, CreationTime } of kept ?? [])
    findings.refuse(
      `File system ${FileSystemId} (created on ${CreationTime?.toISOString().slice(0, 10)}) has the state of an earlier deployment of this stage, ` +
        `and a new one would start empty. To use it, write state: { fileSystemId: "${FileSystemId}" }. If nobody needs it, ` +
        `delete it: ${deletion("AWS::EFS::FileSystem", FileSystemId!, region).join("; ")}. See: pnpm ops cleanup --stage ${settings.stage}`,
    );
}

async function checkExisting(
  state: State,
  stack: LiveStack | undefined,
  current: string | undefined,
  context: StateContext,
): Promise<void> {
  const { clients, region, findings } = context;
  const id = state.fileSystemId;
  const name = `File system ${id} (state.fileSystemId)`;
  const asked = <T>(action: string, ask: () => Promise<T>) =>
    unlessDenied(name, `elasticfilesystem:${action}`, findings, ask);
  const found = await asked("DescribeFileSystems", async () => ({
    answer: await ifThere(
      `Looking up file system ${id}`,
      clients.efs.send(new DescribeFileSystemsCommand({ FileSystemId: id })),
      "FileSystemNotFound",
    ),
  }));
  if (!found) return;
  const fileSystem = found.answer?.FileSystems?.[0];
  if (!fileSystem) {
    findings.refuse(`${name} isn't in this account in ${region}`);
    return;
  }
  checkFileSystem(fileSystem, findings);
  if (current !== undefined && current !== id) checkMove(current, state, context);
  if (stack !== undefined && current === id)
    await asked("DescribeAccessPoints", () => checkSameDirectory(state, stack, context));
  await Promise.all([
    asked("DescribeAccessPoints", () => checkAccessPoint(state, context)),
    asked("DescribeMountTargets", () => checkMountTargets(state, stack, context)),
    asked("DescribeFileSystemPolicy", () => checkPolicy(id, context)),
    asked("DescribeBackupPolicy", () => checkBackups(id, context)),
    ...(current === id || context.beforeCutOver
      ? []
      : [
          unlessDenied(`Who has file system ${id} mounted`, "cloudwatch:GetMetricStatistics", findings, () =>
            refuseWhileMounted(id, context),
          ),
        ]),
  ]);
}

function checkFileSystem(
  { FileSystemId: id, LifeCycleState, AvailabilityZoneName, Encrypted }: FileSystemDescription,
  findings: PreflightFindings,
): void {
  if (LifeCycleState !== undefined && LifeCycleState !== "available" && LifeCycleState !== "updating")
    findings.refuse(
      `File system ${id} (state.fileSystemId) is ${LifeCycleState}: wait until it is available`,
    );
  if (AvailabilityZoneName !== undefined)
    findings.refuse(
      `File system ${id} (state.fileSystemId) is in one zone only, ${AvailabilityZoneName}, but the server's task may start in any of its zones: ` +
        "restore a backup of it to a regional file system",
    );
  if (Encrypted === false)
    findings.warn(
      `File system ${id} (state.fileSystemId) is not encrypted at rest, which can't be changed: to encrypt the data, restore a backup of it to an ` +
        "encrypted file system",
    );
}

/** The former file system is kept, but the server continues with the state on the other one. */
function checkMove(
  current: string,
  { fileSystemId, replaces }: State,
  { settings, findings }: StateContext,
): void {
  if (replaces !== current)
    findings.refuse(
      `The stage runs on file system ${current}, and state.fileSystemId is ${fileSystemId}. To move the stage there, and continue with the state ` +
        `on it, write replaces: "${current}" beside it. ${current} is kept`,
    );
  else
    findings.warn(
      `The stage moves from file system ${current} to ${fileSystemId}. The mount targets of the former one are deleted before the ` +
        `server is replaced: stop it first, so that no write is cut off: pnpm ops scale server --count 0 --stage ${settings.stage}`,
    );
}

/** Another access point may lead to another directory, and so to another state. */
async function checkSameDirectory(
  { accessPointId, path = SERVER.fileSystemPath, fileSystemId }: State,
  stack: LiveStack,
  { clients, findings }: StateContext,
): Promise<void> {
  const [own] = resourceIds(stack, "AWS::EFS::AccessPoint");
  const wanted = accessPointId ?? `a new access point on ${path}`;
  let present = own === undefined ? "an access point that the settings named" : `access point ${own}`;
  if (own === undefined && accessPointId !== undefined) return;
  if (own !== undefined && accessPointId === undefined) {
    const { AccessPoints = [] } = await during(
      `Looking up access point ${own}`,
      clients.efs.send(new DescribeAccessPointsCommand({ AccessPointId: own })),
    );
    const deployed = AccessPoints[0]?.RootDirectory?.Path;
    if (deployed === undefined || deployed === path) return;
    present = `access point ${own} on ${deployed}`;
  }
  findings.warn(
    `The stage mounts ${fileSystemId} through ${present}, and will mount it through ${wanted}. The server continues with the ` +
      "state in that directory",
  );
}

async function checkAccessPoint(
  { accessPointId, fileSystemId }: State,
  { clients, findings }: StateContext,
): Promise<void> {
  if (accessPointId === undefined) return;
  const name = `Access point ${accessPointId} (state.accessPointId)`;
  const found = await ifThere(
    `Looking up access point ${accessPointId}`,
    clients.efs.send(new DescribeAccessPointsCommand({ AccessPointId: accessPointId })),
    "AccessPointNotFound",
  );
  const accessPoint = found?.AccessPoints?.[0];
  if (!accessPoint) findings.refuse(`${name} isn't in this account and region`);
  else if (accessPoint.FileSystemId !== fileSystemId)
    findings.refuse(`${name} belongs to file system ${accessPoint.FileSystemId}, not to ${fileSystemId}`);
  else if (accessPoint.PosixUser?.Uid !== undefined && accessPoint.PosixUser.Uid !== SERVER.uid)
    findings.refuse(
      `${name} makes every client the user ${accessPoint.PosixUser.Uid}, but the server's files belong to ${SERVER.uid}: leave ` +
        "accessPointId out, so that one for that user is created",
    );
}

/** EFS allows one mount target per zone, and a client finds only the one in its own zone. */
async function checkMountTargets(
  { fileSystemId: id, securityGroupId }: State,
  stack: LiveStack | undefined,
  { settings, facts, clients, region, findings, beforeCutOver }: StateContext,
): Promise<void> {
  const { MountTargets = [] } = await during(
    `Listing the mount targets of ${id}`,
    clients.efs.send(new DescribeMountTargetsCommand({ FileSystemId: id })),
  );
  const own = new Set(stack?.resources.map(({ PhysicalResourceId }) => PhysicalResourceId));
  if (securityGroupId === undefined) {
    const others = MountTargets.filter(({ MountTargetId }) => !own.has(MountTargetId));
    if (others.length === 0) return;
    const { network } = settings;
    const canBeUsed = network.kind === "existing" && others.every(({ VpcId }) => VpcId === network.vpcId);
    const use = canBeUsed
      ? `To use them, write state.securityGroupId: "${(await securityGroupsOf(others[0]!, clients))[0]}". Otherwise delete them: `
      : "They are in another VPC than the stage. Delete them: ";
    findings.refuse(
      `File system ${id} already has mount targets, ${others.map(({ MountTargetId, SubnetId }) => `${MountTargetId} in ${SubnetId}`).join(", ")}, ` +
        `and EFS allows one per zone, all in one VPC. ${use}` +
        others
          .map(
            ({ MountTargetId }) =>
              `aws efs delete-mount-target --mount-target-id ${MountTargetId} --region ${region}`,
          )
          .join("; "),
    );
    return;
  }
  const { network } = settings;
  if (network.kind !== "existing") return;
  for (const { id: subnet } of network.subnets) {
    const availabilityZone = facts.network?.subnets[subnet]?.availabilityZone;
    // An unknown subnet is a mistake of its own.
    if (availabilityZone === undefined) continue;
    const target = MountTargets.find(
      ({ AvailabilityZoneName, VpcId }) =>
        VpcId === network.vpcId && AvailabilityZoneName === availabilityZone,
    );
    if (!target && beforeCutOver) continue;
    if (!target)
      findings.refuse(
        `File system ${id} has no mount target in ${availabilityZone} of ${network.vpcId}, and a task in subnet ${subnet} can't use another one. Run: ` +
          `aws efs create-mount-target --file-system-id ${id} --subnet-id ${subnet} --security-groups ${securityGroupId} --region ${region}`,
      );
    else if (!(await securityGroupsOf(target, clients)).includes(securityGroupId))
      findings.refuse(
        `Mount target ${target.MountTargetId} of ${id} doesn't have the security group ${securityGroupId} (state.securityGroupId), which is ` +
          `opened for the tasks. Run: aws efs modify-mount-target-security-groups --mount-target-id ${target.MountTargetId} ` +
          `--security-groups ${[...(await securityGroupsOf(target, clients)), securityGroupId].join(" ")} --region ${region}`,
      );
  }
}

async function securityGroupsOf(
  { MountTargetId }: MountTargetDescription,
  { efs }: AwsClients,
): Promise<readonly string[]> {
  const { SecurityGroups = [] } = await during(
    `Looking up the security groups of ${MountTargetId}`,
    efs.send(new DescribeMountTargetSecurityGroupsCommand({ MountTargetId })),
  );
  return SecurityGroups;
}

/** Without a policy EFS admits every client that reaches a mount target, as root, without TLS. */
async function checkPolicy(id: string, { clients, region, findings }: StateContext): Promise<void> {
  const policy = await ifThere(
    `Reading the policy of file system ${id}`,
    clients.efs.send(new DescribeFileSystemPolicyCommand({ FileSystemId: id })),
    "PolicyNotFound",
  );
  if (policy?.Policy) return;
  findings.warn(
    `File system ${id} has no policy: any client that reaches its mount targets can read and write everything, including tokens. ` +
      "CloudFormation can't set one on a file system that it did not create. Run: " +
      `aws efs put-file-system-policy --file-system-id ${id} --region ${region} --policy '${JSON.stringify(FILE_SYSTEM_POLICY)}'`,
  );
}

/** EFS keeps its own copies in another vault than the stage's. */
async function checkBackups(
  id: string,
  { settings, clients, region, findings }: StateContext,
): Promise<void> {
  if (!settings.backup.daily) return;
  const found = await ifThere(
    `Reading the backup policy of file system ${id}`,
    clients.efs.send(new DescribeBackupPolicyCommand({ FileSystemId: id })),
    "PolicyNotFound",
  );
  const status = found?.BackupPolicy?.Status;
  if (status !== "ENABLED" && status !== "ENABLING") return;
  findings.warn(
    `File system ${id} has automatic backups of EFS, and the stage makes a daily copy as well: you pay for both. To switch off those of EFS, run: ` +
      `aws efs put-backup-policy --file-system-id ${id} --backup-policy Status=DISABLED --region ${region}`,
  );
}

/** Two servers on one file system destroy its database. */
async function refuseWhileMounted(id: string, { clients, findings }: StateContext): Promise<void> {
  const mounted = await connectedClients(id, clients);
  if (mounted)
    findings.refuse(
      `File system ${id} (state.fileSystemId) is in use: ${mounted.count} clients had it mounted at ${mounted.at?.toISOString()}. Two ` +
        "servers on one file system destroy its database: stop the other one, with a desired count of 0, and try again " +
        `after ${CONNECTED_MINUTES} minutes`,
    );
}
