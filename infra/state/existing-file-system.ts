import { SERVER } from "@dbward-aws/contract";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import * as efs from "aws-cdk-lib/aws-efs";
import { Construct } from "constructs";
import { DbwardSecurityGroup } from "../network/dbward-security-group.ts";
import { checkMountSubnets, DEFAULT_SUBNETS } from "../network/task-subnets.ts";
import { PropProblems } from "../prop-problems.ts";
import { ServerFileSystem, type ServerFileSystemProps } from "./server-file-system.ts";

export interface ExistingFileSystemProps extends ServerFileSystemProps {
  /** Id of the file system, such as `fs-0123456789abcdef0`. */
  readonly fileSystemId: string;
  /**
   * Id of an access point of it, whose files belong to the server's user.
   * @default - a new one on `path`
   */
  readonly accessPointId?: string;
  /**
   * Directory of the state, for the new access point. It must be there: it is never created, so that a wrong
   * path fails the mount and does not start a server on an empty state.
   * @default "/dbward"
   */
  readonly path?: string;
  /**
   * Security group of the mount targets that the file system has already, one in each zone of the tasks.
   * @default - it has none: they are created, with a security group of their own
   */
  readonly mountTargetSecurityGroup?: ec2.ISecurityGroup;
}

/**
 * A file system that exists already: kept from a removed stage, restored from a backup, or made by hand.
 *
 * CloudFormation sets policy, backups and lifecycle only on a file system that it creates, so they stay as
 * they are. A file system without a policy admits whoever reaches its mount targets; see `FILE_SYSTEM_POLICY`
 * of `@dbward-aws/contract`.
 */
export class ExistingFileSystem extends ServerFileSystem {
  readonly fileSystemId: string;
  readonly accessPointId: string;
  readonly securityGroup: ec2.ISecurityGroup;

  constructor(scope: Construct, id: string, props: ExistingFileSystemProps) {
    super(scope, id);
    const { accessPointId, path, mountTargetSecurityGroup, vpc, vpcSubnets = DEFAULT_SUBNETS } = props;
    const problems = new PropProblems(this);
    problems.expectText(
      props.fileSystemId,
      /^fs-[0-9a-f]+$/,
      "fileSystemId",
      "must be the id of a file system",
    );
    problems.expectText(
      accessPointId,
      /^fsap-[0-9a-f]+$/,
      "accessPointId",
      "must be the id of an access point",
    );
    problems.expect(
      accessPointId === undefined || path === undefined,
      "path",
      "must be left out with accessPointId: it is the directory of a new access point",
    );
    if (mountTargetSecurityGroup === undefined) checkMountSubnets(problems, vpc, vpcSubnets);
    problems.throwIfAny();
    this.fileSystemId = props.fileSystemId;
    this.accessPointId = accessPointId ?? this.#createAccessPoint(path ?? SERVER.fileSystemPath);
    this.securityGroup = mountTargetSecurityGroup ?? this.#createMountTargets(vpc, vpcSubnets);
  }

  /**
   * File system and path are part of its logical id, and so of the name under which its id is exported:
   * CloudFormation refuses to change an export in use, and with another name it is another export.
   */
  #createAccessPoint(path: string): string {
    const { uid, gid } = { uid: String(SERVER.uid), gid: String(SERVER.gid) };
    return new efs.CfnAccessPoint(this, `AccessPoint-${this.fileSystemId}${path.replaceAll("/", "-")}`, {
      fileSystemId: this.fileSystemId,
      posixUser: { uid, gid },
      rootDirectory: { path },
    }).attrAccessPointId;
  }

  #createMountTargets(vpc: ec2.IVpc, vpcSubnets: ec2.SubnetSelection): ec2.SecurityGroup {
    const group = new DbwardSecurityGroup(this, "SecurityGroup", {
      vpc,
      description: "File system of the dbward server",
    });
    // Logical ids of the CDK's own file system: a stage that goes on with the one that it created keeps its
    // mount targets. Under other ids CloudFormation would create new ones beside them, and EFS takes one a
    // zone.
    const scope = new Construct(this, "FileSystem");
    for (const subnet of vpc.selectSubnets(vpcSubnets).subnets)
      new efs.CfnMountTarget(scope, `EfsMountTarget-${subnet.node.id}`, {
        fileSystemId: this.fileSystemId,
        subnetId: subnet.subnetId,
        securityGroups: [group.securityGroupId],
      });
    return group;
  }
}
