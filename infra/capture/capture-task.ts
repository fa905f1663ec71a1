import { type CaptureTaskProperties, stageNames } from "@dbward-aws/contract";
import { Stack } from "aws-cdk-lib";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { DbwardLogGroup } from "../dbward-log-group.ts";
import { DbwardSecurityGroup } from "../network/dbward-security-group.ts";
import type { DbwardServer } from "../server/dbward-server.ts";
import { keyUse } from "../state/key-use.ts";
import { DBWARD_USER, linuxOn } from "../task/dbward-task.ts";
import { TaskRole } from "../task/task-role.ts";

export interface CaptureTaskProps {
  readonly server: DbwardServer;
  /** Base URL of the server's API, of the form of `BASE_URL_PATTERN`: it becomes part of a command. */
  readonly serverUrl: string;
  /** The secrets that the task fills; its role may write these and read none. */
  readonly secrets: readonly secretsmanager.ISecret[];
  /** Role of the task. @default - a new one */
  readonly role?: iam.IRole;
  /**
   * Customer managed key of the secrets and the log group.
   * @default - keys of AWS
   */
  readonly encryptionKey?: kms.IKey;
}

const CONTAINER = "capture";

/**
 * The one-off task of `CaptureMethod.task()`: the server's image on the server's access point, mounted
 * read-only. What it is to do comes with each run, from the capture function; started by hand it does
 * nothing.
 */
export class CaptureTask extends Construct {
  readonly taskDefinition: ecs.FargateTaskDefinition;
  readonly securityGroup: ec2.ISecurityGroup;
  readonly logGroup: logs.LogGroup;
  /** What the capture function needs to start the task. */
  readonly properties: CaptureTaskProperties;

  constructor(scope: Construct, id: string, props: CaptureTaskProps) {
    super(scope, id);
    const { server } = props;
    const stack = Stack.of(this);
    const names = stageNames(server.stage);
    const role =
      props.role ??
      new TaskRole(this, "Role", { description: `Capture of dbward's tokens in stage ${server.stage}` });
    server.fileSystem.grantRead(role);
    this.#grantSecrets(role, props);

    const group = new DbwardSecurityGroup(this, "SecurityGroup", {
      vpc: server.vpc,
      description: "One-off task that captures the bootstrap tokens",
    });
    this.securityGroup = group;
    group.allowHttps("Secrets Manager, image, logs");
    server.fileSystem.allowMountFrom(this, "MountFromCapture", group, "The server's file system");
    server.allowFrom(this, "ServerFromCapture", group, {
      source: "API for the one-off task that captures the bootstrap tokens",
      destination: "The server's API",
    });

    this.logGroup = new DbwardLogGroup(this, "Logs", {
      logGroupName: names.logGroup(CONTAINER),
      retention: logs.RetentionDays.TWO_WEEKS,
      encryptionKey: props.encryptionKey,
    });
    this.taskDefinition = new ecs.FargateTaskDefinition(this, "Definition", {
      family: `${names.cluster}-${CONTAINER}`,
      cpu: 256,
      memoryLimitMiB: 512,
      runtimePlatform: linuxOn(server.cpuArchitecture),
      taskRole: role,
    });
    const container = this.taskDefinition.addContainer(CONTAINER, {
      image: server.image,
      entryPoint: ["sh", "-c"],
      command: ["echo 'Only the capture function starts this task.' >&2; exit 64"],
      user: DBWARD_USER,
      readonlyRootFilesystem: true,
      linuxParameters: this.#linuxParameters(),
      logging: ecs.LogDriver.awsLogs({ logGroup: this.logGroup, streamPrefix: CONTAINER }),
    });
    server.fileSystem.mount(container, { readOnly: true });

    this.properties = {
      TaskDefinition: this.taskDefinition.taskDefinitionArn,
      Container: CONTAINER,
      Subnets: server.vpc.selectSubnets(server.vpcSubnets).subnetIds,
      SecurityGroups: [group.securityGroupId],
      AssignPublicIp: server.assignPublicIp ? "ENABLED" : "DISABLED",
      ServerUrl: props.serverUrl,
      SecretsEndpoint: `https://secretsmanager.${stack.region}.${stack.urlSuffix}`,
      LogGroup: this.logGroup.logGroupName,
      LogStreamPrefix: CONTAINER,
    };
  }

  #linuxParameters(): ecs.LinuxParameters {
    const parameters = new ecs.LinuxParameters(this, "Linux");
    parameters.dropCapabilities(ecs.Capability.ALL);
    return parameters;
  }

  #grantSecrets(role: iam.IRole, { secrets, encryptionKey }: CaptureTaskProps): void {
    role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: "FillSecrets",
        actions: ["secretsmanager:PutSecretValue"],
        resources: secrets.map((secret) => secret.secretArn),
      }),
    );
    if (encryptionKey !== undefined)
      role.addToPrincipalPolicy(
        keyUse(this, {
          sid: "EncryptSecrets",
          service: "secretsmanager",
          keyArns: [encryptionKey.keyArn],
          actions: ["kms:Decrypt", "kms:GenerateDataKey"],
        }),
      );
  }
}
