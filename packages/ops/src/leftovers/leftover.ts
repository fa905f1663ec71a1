/** A resource of a stage that is in the account, but in none of its stacks. */
export interface Leftover {
  /** CloudFormation type, such as `AWS::EFS::FileSystem`. */
  readonly type: string;
  /** Physical id or name. */
  readonly id: string;
  /** Commands that delete it, in order; a line that begins with `#` is a comment. */
  readonly commands: readonly string[];
  /** Whether its name is fixed, so that the stage can't be deployed again while it is there. */
  readonly blocks: boolean;
  /** When it was created. @default - of no importance */
  readonly created?: Date | undefined;
}

/** What must be deleted before a resource can be. */
export interface Parts {
  /** Mount targets of a file system. */
  readonly mountTargets?: readonly string[];
  /** Recovery points of a file system. */
  readonly recoveryPoints?: readonly { readonly vault: string; readonly arn: string }[];
  /** Services of a Cloud Map namespace, with their instances. */
  readonly services?: readonly { readonly id: string; readonly instances: readonly string[] }[];
  /** Rules of other security groups that refer to a group. */
  readonly rules?: readonly { readonly group: string; readonly rule: string; readonly egress: boolean }[];
  /** Whether a network interface is in use. */
  readonly inUse?: boolean;
}

/** A resource in words, such as `Secret dbward/prod/admin-token`. */
export function nameOf({ type, id }: Pick<Leftover, "type" | "id">): string {
  return `${WORDS[type] ?? type} ${id}`;
}

const WORDS: Readonly<Record<string, string>> = {
  "AWS::Backup::BackupVault": "Backup vault",
  "AWS::Backup::RecoveryPoint": "Backup",
  "AWS::CloudFormation::Stack": "Stack",
  "AWS::EC2::NetworkInterface": "Network interface",
  "AWS::EC2::SecurityGroup": "Security group",
  "AWS::ECS::Cluster": "Cluster",
  "AWS::EFS::FileSystem": "File system",
  "AWS::KMS::Key": "Key",
  "AWS::Logs::LogGroup": "Log group",
  "AWS::S3::Bucket": "Bucket",
  "AWS::SSM::Parameter": "SSM parameter",
  "AWS::SecretsManager::Secret": "Secret",
  "AWS::ServiceDiscovery::PrivateDnsNamespace": "Cloud Map namespace",
};

/** The commands that delete a resource, data included. */
export function deletion(type: string, id: string, region: string, parts: Parts = {}): readonly string[] {
  const aws = (command: string) => `aws ${command} --region ${region}`;
  switch (type) {
    case "AWS::S3::Bucket":
      return [aws(`s3 rb s3://${id} --force`)];
    case "AWS::EFS::FileSystem":
      return [
        ...(parts.mountTargets ?? []).map((target) =>
          aws(`efs delete-mount-target --mount-target-id ${target}`),
        ),
        aws(`efs delete-file-system --file-system-id ${id}`),
        ...recoveryPoints(parts, aws),
      ];
    case "AWS::SecretsManager::Secret":
      return [aws(`secretsmanager delete-secret --secret-id ${id} --force-delete-without-recovery`)];
    case "AWS::SSM::Parameter":
      return [aws(`ssm delete-parameter --name ${id}`)];
    case "AWS::Logs::LogGroup":
      return [aws(`logs delete-log-group --log-group-name ${id}`)];
    case "AWS::KMS::Key":
      return [
        "# once the key is deleted, everything encrypted with it, including backups, is lost",
        aws(`kms schedule-key-deletion --pending-window-in-days 30 --key-id ${id}`),
      ];
    case "AWS::ServiceDiscovery::PrivateDnsNamespace":
      return [
        ...(parts.services ?? []).flatMap(({ id: service, instances }) => [
          ...instances.map((instance) =>
            aws(`servicediscovery deregister-instance --service-id ${service} --instance-id ${instance}`),
          ),
          aws(`servicediscovery delete-service --id ${service}`),
        ]),
        aws(`servicediscovery delete-namespace --id ${id}`),
      ];
    case "AWS::EC2::NetworkInterface":
      return parts.inUse
        ? [`# ${id} is in use: AWS deletes it with its mount target, or within 40 minutes after its function`]
        : [aws(`ec2 delete-network-interface --network-interface-id ${id}`)];
    case "AWS::EC2::SecurityGroup":
      return [
        ...(parts.rules ?? []).map(({ group, rule, egress }) =>
          aws(
            `ec2 revoke-security-group-${egress ? "egress" : "ingress"} --group-id ${group} --security-group-rule-ids ${rule}`,
          ),
        ),
        aws(`ec2 delete-security-group --group-id ${id}`),
      ];
    case "AWS::ECS::Cluster":
      return [aws(`ecs delete-cluster --cluster ${id}`)];
    case "AWS::Backup::RecoveryPoint":
      return recoveryPoints(parts, aws);
    case "AWS::Backup::BackupVault":
      return [
        "# can be deleted once it has no copies; copies expire by themselves",
        aws(`backup delete-backup-vault --backup-vault-name ${id}`),
      ];
    case "AWS::CloudFormation::Stack":
      return [aws(`cloudformation delete-stack --stack-name ${id}`)];
    default:
      return [`# ${type} ${id}: delete it in the console`];
  }
}

/** The policy of EFS's vault for automatic backups may deny the deletion even to an administrator. */
function recoveryPoints({ recoveryPoints: points = [] }: Parts, aws: (command: string) => string): string[] {
  if (points.length === 0) return [];
  return [
    "# backups expire by themselves; if the vault's access policy denies their deletion, change that policy first",
    ...points.map(({ vault, arn }) =>
      aws(`backup delete-recovery-point --backup-vault-name ${vault} --recovery-point-arn ${arn}`),
    ),
  ];
}

/** CloudFormation names a bucket after its logical id. Buckets of access logs don't count: a new stage can't use them. */
export function isResultBucket({ type, id }: Leftover): boolean {
  return type === "AWS::S3::Bucket" && id.includes("-resultsbucket");
}
