import { FILE_SYSTEM_POLICY, SERVER } from "@dbward-aws/contract";
import { RemovalPolicy } from "aws-cdk-lib";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import * as efs from "aws-cdk-lib/aws-efs";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import { DbwardSecurityGroup } from "../network/dbward-security-group.ts";
import { checkMountSubnets, DEFAULT_SUBNETS } from "../network/task-subnets.ts";
import { PropProblems } from "../prop-problems.ts";
import { ServerFileSystem, type ServerFileSystemProps } from "./server-file-system.ts";

export interface NewFileSystemProps extends ServerFileSystemProps {
  /**
   * Whether EFS has AWS Backup make a copy a day, kept for 35 days in a vault of EFS's own. With a
   * `ServerBackup`, which makes its own, there would be two of each.
   * @default true
   */
  readonly backups?: boolean;
  /**
   * Customer managed key. A change of it replaces the file system with an empty one.
   * @default - the key of AWS for EFS
   */
  readonly encryptionKey?: kms.IKey;
}

/** A file system made for the server: encrypted, and kept when its stack is deleted. */
export class NewFileSystem extends ServerFileSystem {
  readonly fileSystem: efs.FileSystem;
  readonly accessPoint: efs.AccessPoint;
  readonly securityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, props: NewFileSystemProps) {
    super(scope, id);
    const { vpc, vpcSubnets = DEFAULT_SUBNETS } = props;
    const problems = new PropProblems(this);
    checkMountSubnets(problems, vpc, vpcSubnets);
    problems.throwIfAny();
    this.securityGroup = new DbwardSecurityGroup(this, "SecurityGroup", {
      vpc,
      description: "File system of the dbward server",
    });
    this.fileSystem = new efs.FileSystem(this, "FileSystem", {
      vpc,
      vpcSubnets,
      securityGroup: this.securityGroup,
      encrypted: true,
      ...(props.encryptionKey === undefined ? {} : { kmsKey: props.encryptionKey }),
      performanceMode: efs.PerformanceMode.GENERAL_PURPOSE,
      throughputMode: efs.ThroughputMode.ELASTIC,
      // Kept, unless the first deployment of its stack fails: no server has been there then.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      fileSystemPolicy: iam.PolicyDocument.fromJson(FILE_SYSTEM_POLICY),
    });
    // The CDK leaves the policy out when it is off, which switches nothing off.
    (this.fileSystem.node.defaultChild as efs.CfnFileSystem).backupPolicy = {
      status: (props.backups ?? true) ? "ENABLED" : "DISABLED",
    };
    this.accessPoint = this.fileSystem.addAccessPoint("AccessPoint", {
      path: SERVER.fileSystemPath,
      posixUser: { uid: String(SERVER.uid), gid: String(SERVER.gid) },
      createAcl: { ownerUid: String(SERVER.uid), ownerGid: String(SERVER.gid), permissions: "0750" },
    });
  }

  get fileSystemId(): string {
    return this.fileSystem.fileSystemId;
  }

  get accessPointId(): string {
    return this.accessPoint.accessPointId;
  }
}
