import { SERVER } from "@dbward-aws/contract";
import { RemovalPolicy } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as efs from "aws-cdk-lib/aws-efs";
import * as iam from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import type { DbwardNetwork } from "../network/dbward-network.ts";

/** Port of NFS, which EFS speaks. */
export const NFS_PORT = ec2.Port.tcp(2049);

export interface ServerFileSystemProps {
  readonly network: DbwardNetwork;
  /** Role of the server's task: it may mount and write. */
  readonly taskRole: iam.IRole;
  /**
   * Role of a task that may mount and read, such as the one that captures tokens without ECS Exec.
   * @default - nobody but the server mounts
   */
  readonly readerRole?: iam.IRole;
  /** Whether AWS Backup keeps a copy a day, for 35 days. */
  readonly backups: boolean;
}

const MOUNT = "elasticfilesystem:ClientMount";
const WRITE = "elasticfilesystem:ClientWrite";
const ROOT = "elasticfilesystem:ClientRootAccess";

/**
 * The server's state: SQLite database and bootstrap tokens. Encrypted, kept when its stack is deleted, and mounted
 * over TLS, through an access point, from the groups that {@link allowMountFrom} lets in, by roles whose policies allow it.
 */
export class ServerFileSystem extends Construct {
  readonly fileSystem: efs.FileSystem;
  readonly accessPoint: efs.AccessPoint;
  /** Group of the mount targets; opened by {@link allowMountFrom} alone. */
  readonly securityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, props: ServerFileSystemProps) {
    super(scope, id);
    const { network, taskRole, readerRole } = props;
    this.securityGroup = new ec2.SecurityGroup(this, "SecurityGroup", {
      vpc: network.vpc,
      description: "File system of the dbward server",
      allowAllOutbound: false,
    });
    this.fileSystem = new efs.FileSystem(this, "FileSystem", {
      vpc: network.vpc,
      vpcSubnets: network.taskSubnets,
      securityGroup: this.securityGroup,
      encrypted: true,
      performanceMode: efs.PerformanceMode.GENERAL_PURPOSE,
      throughputMode: efs.ThroughputMode.ELASTIC,
      enableAutomaticBackups: props.backups,
      // Kept, unless the first deployment of its stack fails: no server has been there then.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      fileSystemPolicy: mountPolicy(),
    });
    this.accessPoint = this.fileSystem.addAccessPoint("AccessPoint", {
      path: "/dbward",
      posixUser: { uid: String(SERVER.uid), gid: String(SERVER.gid) },
      createAcl: { ownerUid: String(SERVER.uid), ownerGid: String(SERVER.gid), permissions: "0750" },
    });

    this.#grantMount(taskRole, [MOUNT, WRITE]);
    if (readerRole !== undefined) this.#grantMount(readerRole, [MOUNT]);
  }

  /**
   * Opens NFS to the tasks of a group. The rule belongs to `scope`, so that the file system's stack need not know who
   * uses it; a service must wait for it, or its first task can't mount.
   */
  allowMountFrom(scope: Construct, id: string, group: ec2.ISecurityGroup): ec2.CfnSecurityGroupIngress {
    return new ec2.CfnSecurityGroupIngress(scope, id, {
      groupId: this.securityGroup.securityGroupId,
      sourceSecurityGroupId: group.securityGroupId,
      ipProtocol: "tcp",
      fromPort: 2049,
      toPort: 2049,
      description: "NFS from the tasks that mount the file system",
    });
  }

  /** Through this access point and no other: what the file system's own policy can't say, as it is older. */
  #grantMount(role: iam.IRole, actions: string[]): void {
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: "MountState",
        actions,
        resources: [this.fileSystem.fileSystemArn],
        conditions: {
          StringEquals: { "elasticfilesystem:AccessPointArn": this.accessPoint.accessPointArn },
        },
      }),
    );
  }
}

/**
 * The file system's policy only denies; the roles' own policies allow, and as there is a policy, a client without a role
 * gets nothing. It can't name the access point, which is made after it: that some access point is in use is asked for
 * here, which one in the roles' policies.
 *
 * It doesn't name the roles either. For NFS clients EFS knows no condition key but those below and two that are of no use
 * here; a denial "unless aws:PrincipalArn is the server's" would find that key missing, and deny the server too.
 */
function mountPolicy(): iam.PolicyDocument {
  const deny = (sid: string, actions: string[], conditions: Record<string, Record<string, string>> = {}) =>
    new iam.PolicyStatement({
      sid,
      effect: iam.Effect.DENY,
      principals: [new iam.AnyPrincipal()],
      actions,
      conditions,
    });
  return new iam.PolicyDocument({
    statements: [
      deny("TlsOnly", [MOUNT, WRITE], { Bool: { "aws:SecureTransport": "false" } }),
      deny("AccessPointOnly", [MOUNT, WRITE], { Null: { "elasticfilesystem:AccessPointArn": "true" } }),
      deny("NobodyIsRoot", [ROOT]),
    ],
  });
}
