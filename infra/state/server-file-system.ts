import { NFS_ACTIONS, SERVER } from "@dbward-aws/contract";
import { ArnFormat, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import * as iam from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import type { DbwardSecurityGroup } from "../network/dbward-security-group.ts";

/** Port of NFS, which EFS speaks. */
const NFS_PORT = 2049;
/** Volume of a task definition. */
const VOLUME = "state";

export interface ServerFileSystemProps {
  readonly vpc: ec2.IVpc;
  /**
   * Subnets of the mount targets, one in each availability zone that has tasks.
   * @default - private subnets with a way out, one in each availability zone
   */
  readonly vpcSubnets?: ec2.SubnetSelection;
}

/**
 * The server's state: SQLite database and bootstrap tokens. It is mounted over TLS, through an access point,
 * from the security groups that {@link allowMountFrom} lets in, by the roles that {@link grantReadWrite} and
 * {@link grantRead} name. `NewFileSystem` creates one, `ExistingFileSystem` uses one.
 */
export abstract class ServerFileSystem extends Construct implements ec2.IConnectable {
  abstract readonly fileSystemId: string;
  abstract readonly accessPointId: string;
  /** ARN of the file system. */
  get fileSystemArn(): string {
    return this.#arn("file-system", this.fileSystemId);
  }

  /** Security group of the mount targets. */
  abstract readonly securityGroup: ec2.ISecurityGroup;

  /** The mount targets; the default port is that of NFS. */
  get connections(): ec2.Connections {
    return new ec2.Connections({
      securityGroups: [this.securityGroup],
      defaultPort: ec2.Port.tcp(NFS_PORT),
    });
  }

  /** Mounts the state in a container, at the directory where the server expects it. */
  mount(container: ecs.ContainerDefinition, options: { readonly readOnly: boolean }): void {
    container.taskDefinition.addVolume({
      name: VOLUME,
      efsVolumeConfiguration: {
        fileSystemId: this.fileSystemId,
        transitEncryption: "ENABLED",
        authorizationConfig: { accessPointId: this.accessPointId, iam: "ENABLED" },
      },
    });
    container.addMountPoints({
      sourceVolume: VOLUME,
      containerPath: SERVER.stateDirectory,
      readOnly: options.readOnly,
    });
  }

  /**
   * Opens NFS to the tasks of a security group.
   *
   * @param scope what the rule belongs to, so that the file system's stack need not know who uses it
   * @returns the rule: a service has to depend on it, or its first task can't mount
   */
  allowMountFrom(
    scope: Construct,
    id: string,
    group: DbwardSecurityGroup,
    destination = "File system",
  ): ec2.CfnSecurityGroupIngress {
    return group.allowTo(scope, id, {
      to: this.securityGroup,
      port: NFS_PORT,
      destination,
      source: "NFS from the tasks that mount the file system",
    });
  }

  /**
   * Lets a role mount and write, through this access point and no other: what the file system's policy can't
   * say.
   */
  grantReadWrite(role: iam.IRole): void {
    this.#grantMount(role, [NFS_ACTIONS.mount, NFS_ACTIONS.write]);
  }

  /** Lets a role mount and read, as {@link grantReadWrite}. */
  grantRead(role: iam.IRole): void {
    this.#grantMount(role, [NFS_ACTIONS.mount]);
  }

  #grantMount(role: iam.IRole, actions: string[]): void {
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: "MountState",
        actions,
        resources: [this.fileSystemArn],
        conditions: {
          StringEquals: { "elasticfilesystem:AccessPointArn": this.#arn("access-point", this.accessPointId) },
        },
      }),
    );
  }

  #arn(resource: string, resourceName: string): string {
    return Stack.of(this).formatArn({
      service: "elasticfilesystem",
      resource,
      resourceName,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
  }
}
