import { paginateListRecoveryPointsByResource } from "@aws-sdk/client-backup";
import { paginateDescribeLogGroups } from "@aws-sdk/client-cloudwatch-logs";
import {
  paginateDescribeNetworkInterfaces,
  paginateDescribeSecurityGroupRules,
  paginateDescribeSecurityGroups,
  type SecurityGroup,
} from "@aws-sdk/client-ec2";
import { DescribeClustersCommand } from "@aws-sdk/client-ecs";
import {
  DescribeFileSystemsCommand,
  DescribeMountTargetsCommand,
  type FileSystemDescription,
} from "@aws-sdk/client-efs";
import { DescribeKeyCommand } from "@aws-sdk/client-kms";
import { paginateGetResources } from "@aws-sdk/client-resource-groups-tagging-api";
import { HeadBucketCommand } from "@aws-sdk/client-s3";
import {
  paginateListInstances,
  paginateListNamespaces,
  paginateListServices,
} from "@aws-sdk/client-servicediscovery";
import { paginateGetParametersByPath } from "@aws-sdk/client-ssm";
import { stageNames, stageTags } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import {
  AwsCallError,
  type AwsClients,
  backupVaults,
  describeSecret,
  during,
  everyItem,
  ifThere,
  type LiveStack,
  tokenSecrets,
} from "@dbward-aws/stage";
import { stageFileSystems } from "./file-systems.ts";
import { deletion, type Leftover, type Parts } from "./leftover.ts";
import { isDeployed, type KeptResource, keptByDeletedStacks } from "./stage-stacks.ts";

/** Resources of a stage that are in none of its stacks. */
export interface Leftovers {
  readonly leftovers: readonly Leftover[];
  /** Resources that no stack has, but that the settings name: after `pnpm ops restore`, the file system. */
  readonly usedAgain: readonly Leftover[];
  /** What could not be searched, and why: a sentence each. */
  readonly unread: readonly string[];
}

/**
 * Finds everything of a stage that is in the account but in none of its stacks: what a removal kept, what a failed first
 * deployment left, what could not be deleted.
 *
 * @param stacks the stacks of the stage that exist
 * @param region for the commands
 */
export async function findLeftovers(
  settings: StageSettings,
  stacks: readonly LiveStack[],
  clients: AwsClients,
  region: string,
): Promise<Leftovers> {
  const search = new Search(settings, stacks, clients, region);
  await Promise.all([
    search.attempt(() => search.fileSystems()),
    search.attempt(() => search.keptByOthers()),
    search.attempt(() => search.secrets()),
    search.attempt(() => search.parameters()),
    search.attempt(() => search.logGroups()),
    search.attempt(() => search.namespaces()),
    search.attempt(() => search.cluster()),
    search.attempt(() => search.networkInterfaces()),
    search.attempt(() => search.securityGroups()),
  ]);
  search.stacks();
  return { ...search.found(), unread: search.unread.sort() };
}

/** Order of the types in the list: a resource comes before those whose deletion it prevents. */
const ORDER = [
  "AWS::ECS::Cluster",
  "AWS::ServiceDiscovery::PrivateDnsNamespace",
  "AWS::EC2::NetworkInterface",
  "AWS::EC2::SecurityGroup",
  "AWS::S3::Bucket",
  "AWS::EFS::FileSystem",
  "AWS::Backup::RecoveryPoint",
  "AWS::Backup::BackupVault",
  "AWS::SecretsManager::Secret",
  "AWS::SSM::Parameter",
  "AWS::Logs::LogGroup",
  "AWS::KMS::Key",
  "AWS::CloudFormation::Stack",
];

class Search {
  readonly unread: string[] = [];
  readonly #found: Leftover[] = [];
  readonly #settings: StageSettings;
  readonly #stacks: readonly LiveStack[];
  readonly #clients: AwsClients;
  readonly #region: string;
  /** Physical ids of the stacks' resources. */
  readonly #inUse: ReadonlySet<string>;
  /** Physical ids of resources that the settings name, while the stage is deployed. */
  readonly #named: ReadonlySet<string | undefined>;

  constructor(settings: StageSettings, stacks: readonly LiveStack[], clients: AwsClients, region: string) {
    this.#settings = settings;
    this.#stacks = stacks;
    this.#clients = clients;
    this.#region = region;
    const owned = stacks.flatMap(({ resources }) =>
      resources.flatMap(({ PhysicalResourceId, ResourceStatus = "" }) =>
        PhysicalResourceId && !/^DELETE_/.test(ResourceStatus) ? [PhysicalResourceId] : [],
      ),
    );
    this.#inUse = new Set(owned);
    this.#named = new Set(
      stacks.some(isDeployed) ? [settings.state?.fileSystemId, settings.storage.bucketName] : [],
    );
  }

  /** Runs one part of the search. A refused call is added to `unread`, and the other parts continue. */
  async attempt(part: () => Promise<void>): Promise<void> {
    try {
      await part();
    } catch (error) {
      if (!(error instanceof AwsCallError)) throw error;
      this.unread.push(error.message);
    }
  }

  found(): Pick<Leftovers, "leftovers" | "usedAgain"> {
    const place = ({ type }: Leftover) =>
      ORDER.includes(type) ? ORDER.indexOf(type) : ORDER.indexOf("AWS::CloudFormation::Stack") - 0.5;
    const found = this.#found.sort((a, b) => place(a) - place(b) || a.id.localeCompare(b.id));
    return {
      leftovers: found.filter(({ id }) => !this.#named.has(id)),
      usedAgain: found.filter(({ id }) => this.#named.has(id)),
    };
  }

  #add(type: string, id: string, parts: Parts = {}, blocks = false, created?: Date): void {
    if (this.#inUse.has(id) || this.#found.some((other) => other.id === id)) return;
    this.#found.push({ type, id, commands: deletion(type, id, this.#region, parts), blocks, created });
  }

  async fileSystems(): Promise<void> {
    const { stage } = this.#settings;
    const fileSystems = await stageFileSystems(stage, this.#clients);
    await Promise.all(
      fileSystems
        .filter(({ FileSystemId }) => !this.#inUse.has(FileSystemId!))
        .map(async (fileSystem) => {
          const id = fileSystem.FileSystemId!;
          const { MountTargets = [] } = await during(
            `Listing the mount targets of ${id}`,
            this.#clients.efs.send(new DescribeMountTargetsCommand({ FileSystemId: id })),
          );
          const parts = {
            mountTargets: MountTargets.flatMap(({ MountTargetId }) =>
              this.#inUse.has(MountTargetId!) ? [] : [MountTargetId!],
            ),
            recoveryPoints: await this.#recoveryPoints(fileSystem),
          };
          this.#add("AWS::EFS::FileSystem", id, parts, false, fileSystem.CreationTime);
        }),
    );
  }

  async #recoveryPoints({ FileSystemArn }: Pick<FileSystemDescription, "FileSystemArn">) {
    const pages = paginateListRecoveryPointsByResource(
      { client: this.#clients.backup },
      { ResourceArn: FileSystemArn },
    );
    const points = await during(
      `Listing the backups of ${FileSystemArn}`,
      everyItem(pages, (page) => page.RecoveryPoints),
    );
    return points.map(({ BackupVaultName, RecoveryPointArn }) => ({
      vault: BackupVaultName!,
      arn: RecoveryPointArn!,
    }));
  }

  /** Buckets and keys, by their tags, and everything else that deleted stacks have kept. */
  async keptByOthers(): Promise<void> {
    const [kept, tagged] = await Promise.all([
      keptByDeletedStacks(this.#settings.stage, this.#clients),
      this.#tagged(),
    ]);
    await Promise.all([
      ...[...kept, ...tagged].map(async ({ type, id }) => {
        if (this.#inUse.has(id) || type === "AWS::EFS::FileSystem" || !(await this.#isThere(type, id)))
          return;
        this.#add(type, id);
      }),
      ...kept
        .filter(({ type }) => type === "AWS::EFS::FileSystem")
        .map((each) => this.#backupsOfDeleted(each)),
    ]);
  }

  /** Backups outlive their file system. */
  async #backupsOfDeleted({ id, stackId }: KeptResource): Promise<void> {
    const found = await ifThere(
      `Looking up file system ${id}`,
      this.#clients.efs.send(new DescribeFileSystemsCommand({ FileSystemId: id })),
      "FileSystemNotFound",
    );
    if (found) return;
    const [arn, partition, , region, account] = stackId.split(":");
    const FileSystemArn = `${arn}:${partition}:elasticfilesystem:${region}:${account}:file-system/${id}`;
    const recoveryPoints = await this.#recoveryPoints({ FileSystemArn });
    if (recoveryPoints.length > 0)
      this.#add("AWS::Backup::RecoveryPoint", `of the deleted file system ${id}`, { recoveryPoints });
  }

  async #tagged(): Promise<readonly Pick<KeptResource, "type" | "id">[]> {
    const tags = Object.entries(stageTags(this.#settings.stage));
    const pages = paginateGetResources(
      { client: this.#clients.tagging },
      {
        ResourceTypeFilters: ["s3:bucket", "kms:key"],
        TagFilters: tags.map(([Key, value]) => ({ Key, Values: [value] })),
      },
    );
    const found = await during(
      "Looking for resources with the stage's tags",
      everyItem(pages, (page) => page.ResourceTagMappingList),
    );
    return found.flatMap(({ ResourceARN = "" }) => {
      const [, , service, , , ...rest] = ResourceARN.split(":");
      const id = rest.join(":").split("/").at(-1)!;
      if (service === "s3") return [{ type: "AWS::S3::Bucket", id }];
      return service === "kms" ? [{ type: "AWS::KMS::Key", id }] : [];
    });
  }

  /** Tags and events can outlive their resource. */
  async #isThere(type: string, id: string): Promise<boolean> {
    if (type === "AWS::S3::Bucket")
      return (
        (await ifThere(
          `Looking up bucket ${id}`,
          this.#clients.s3.send(new HeadBucketCommand({ Bucket: id })),
          "NotFound",
          "NoSuchBucket",
        )) !== undefined
      );
    if (type === "AWS::Backup::BackupVault")
      return (await backupVaults(this.#clients)).some(({ BackupVaultName }) => BackupVaultName === id);
    if (type !== "AWS::KMS::Key") return true;
    const key = await ifThere(
      `Looking up key ${id}`,
      this.#clients.kms.send(new DescribeKeyCommand({ KeyId: id })),
      "NotFoundException",
    );
    return key?.KeyMetadata !== undefined && key.KeyMetadata.KeyState !== "PendingDeletion";
  }

  async secrets(): Promise<void> {
    const names = stageNames(this.#settings.stage);
    await Promise.all(
      tokenSecrets(this.#settings, names).map(async ({ secret }) => {
        const { state } = await describeSecret(this.#clients, secret);
        if (state === "missing" || this.#owns("AWS::SecretsManager::Secret", `:secret:${secret}-`)) return;
        this.#add("AWS::SecretsManager::Secret", secret, {}, true);
      }),
    );
  }

  /** Whether a stack has a resource whose physical id holds this text. */
  #owns(type: string, text: string): boolean {
    return this.#stacks.some(({ resources }) =>
      resources.some(
        ({ ResourceType, PhysicalResourceId, ResourceStatus = "" }) =>
          ResourceType === type && PhysicalResourceId?.includes(text) && !/^DELETE_/.test(ResourceStatus),
      ),
    );
  }

  async parameters(): Promise<void> {
    const names = stageNames(this.#settings.stage);
    for (const name of [names.agentTokenSecretParameter(""), names.agentTokenVersionParameter("")]) {
      const pages = paginateGetParametersByPath(
        { client: this.#clients.ssm },
        { Path: name.replace(/\/$/, "") },
      );
      const parameters = await during(
        "Listing the stage's SSM parameters",
        everyItem(pages, (page) => page.Parameters),
      );
      for (const { Name } of parameters) this.#add("AWS::SSM::Parameter", Name!, {}, true);
    }
  }

  async logGroups(): Promise<void> {
    const names = stageNames(this.#settings.stage);
    const fixed = names.logGroup("");
    for (const prefix of [fixed, names.stack("*").slice(0, -1)]) {
      const pages = paginateDescribeLogGroups({ client: this.#clients.logs }, { logGroupNamePrefix: prefix });
      const groups = await during(
        "Listing the stage's log groups",
        everyItem(pages, (page) => page.logGroups),
      );
      for (const { logGroupName } of groups)
        this.#add("AWS::Logs::LogGroup", logGroupName!, {}, prefix === fixed);
    }
  }

  async namespaces(): Promise<void> {
    const { namespace } = stageNames(this.#settings.stage);
    const client = this.#clients.serviceDiscovery;
    const namespaces = await during(
      "Listing the Cloud Map namespaces",
      everyItem(paginateListNamespaces({ client }, {}), (page) => page.Namespaces),
    );
    for (const { Id, Name } of namespaces) {
      if (Name !== namespace || this.#inUse.has(Id!)) continue;
      const services = await during(
        `Listing the services of ${Name}`,
        everyItem(
          paginateListServices({ client }, { Filters: [{ Name: "NAMESPACE_ID", Values: [Id!] }] }),
          (page) => page.Services,
        ),
      );
      const withInstances = await Promise.all(
        services.map(async (service) => ({
          id: service.Id!,
          instances: (
            await during(
              `Listing the instances of ${service.Name}`,
              everyItem(
                paginateListInstances({ client }, { ServiceId: service.Id! }),
                (page) => page.Instances,
              ),
            )
          ).map((instance) => instance.Id!),
        })),
      );
      this.#add("AWS::ServiceDiscovery::PrivateDnsNamespace", Id!, { services: withInstances }, true);
    }
  }

  async cluster(): Promise<void> {
    const { cluster } = stageNames(this.#settings.stage);
    const { clusters = [] } = await during(
      `Looking up cluster ${cluster}`,
      this.#clients.ecs.send(new DescribeClustersCommand({ clusters: [cluster] })),
    );
    if (clusters.some(({ status }) => status === "ACTIVE")) this.#add("AWS::ECS::Cluster", cluster, {}, true);
  }

  /** Interfaces of the poller's function, which Lambda deletes late. Those of mount targets are deleted with them. */
  async networkInterfaces(): Promise<void> {
    const { pollerFunction } = stageNames(this.#settings.stage);
    if (this.#inUse.has(pollerFunction)) return;
    const pages = paginateDescribeNetworkInterfaces(
      { client: this.#clients.ec2 },
      { Filters: [{ Name: "description", Values: [`AWS Lambda VPC ENI-${pollerFunction}-*`] }] },
    );
    const interfaces = await during(
      "Listing the network interfaces of the poller",
      everyItem(pages, (page) => page.NetworkInterfaces),
    );
    for (const { NetworkInterfaceId, Status } of interfaces)
      this.#add("AWS::EC2::NetworkInterface", NetworkInterfaceId!, { inUse: Status !== "available" });
  }

  async securityGroups(): Promise<void> {
    const tags = Object.entries(stageTags(this.#settings.stage));
    const groups = await this.#groups(tags.map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] })));
    for (const { GroupId } of groups) {
      if (this.#inUse.has(GroupId!)) continue;
      this.#add("AWS::EC2::SecurityGroup", GroupId!, { rules: await this.#rulesFor(GroupId!) });
    }
  }

  /** Rules of other groups that refer to a group: it can't be deleted while they exist. */
  async #rulesFor(groupId: string) {
    const referring = await Promise.all(
      ["ip-permission.group-id", "egress.ip-permission.group-id"].map((Name) =>
        this.#groups([{ Name, Values: [groupId] }]),
      ),
    );
    const ids = [...new Set(referring.flat().map(({ GroupId }) => GroupId!))].filter((id) => id !== groupId);
    if (ids.length === 0) return [];
    const pages = paginateDescribeSecurityGroupRules(
      { client: this.#clients.ec2 },
      { Filters: [{ Name: "group-id", Values: ids }] },
    );
    const rules = await during(
      `Listing the rules that refer to ${groupId}`,
      everyItem(pages, (page) => page.SecurityGroupRules),
    );
    return rules
      .filter(({ ReferencedGroupInfo }) => ReferencedGroupInfo?.GroupId === groupId)
      .map(({ GroupId, SecurityGroupRuleId, IsEgress = false }) => ({
        group: GroupId!,
        rule: SecurityGroupRuleId!,
        egress: IsEgress,
      }));
  }

  #groups(Filters: { Name: string; Values: string[] }[]): Promise<SecurityGroup[]> {
    const pages = paginateDescribeSecurityGroups({ client: this.#clients.ec2 }, { Filters });
    return during(
      "Listing the stage's security groups",
      everyItem(pages, (page) => page.SecurityGroups),
    );
  }

  /** Stacks that can only be deleted, with the resources that they could not delete. */
  stacks(): void {
    for (const stack of this.#stacks) {
      if (isDeployed(stack)) continue;
      for (const { ResourceType, PhysicalResourceId, ResourceStatus } of stack.resources)
        if (PhysicalResourceId && ResourceStatus === "DELETE_FAILED")
          this.#add(ResourceType!, PhysicalResourceId);
      this.#add("AWS::CloudFormation::Stack", stack.name);
    }
  }
}
