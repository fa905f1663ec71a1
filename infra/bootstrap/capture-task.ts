import type { CaptureTaskProperties } from "@dbward-aws/contract";
import { BASE_URL_PATTERN, SERVER, stageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { RemovalPolicy, Stack, Token } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as iam from "aws-cdk-lib/aws-iam";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import type { DbwardNetwork } from "../network/dbward-network.ts";
import type { ServerFileSystem } from "../server/server-file-system.ts";
import { containerImage } from "../task/container-image.ts";

export interface CaptureTaskProps {
  readonly settings: Pick<StageSettings, "stage" | "server">;
  readonly network: DbwardNetwork;
  readonly fileSystem: ServerFileSystem;
  /** Role of the task; the file system's policy must let it mount (`readerRole`). */
  readonly role: iam.IRole;
  /** The secrets that the task fills; its role may write these and read none. */
  readonly secrets: readonly secretsmanager.ISecret[];
  /** Security group of the server, which the task asks for tokens. */
  readonly serverSecurityGroup: ec2.ISecurityGroup;
  /** Base URL of the server's API, of the form of `BASE_URL_PATTERN`: it becomes part of a command. */
  readonly serverUrl: string;
}

const CONTAINER = "capture";
const VOLUME = "state";

/**
 * The one-off task of capture method `task`: the server's image on the server's access point, mounted read-only.
 * What it is to do comes with each run, from the capture function; started by hand it does nothing.
 */
export class CaptureTask extends Construct {
  readonly taskDefinition: ecs.FargateTaskDefinition;
  readonly securityGroup: ec2.SecurityGroup;
  readonly logGroup: logs.LogGroup;
  /** What the capture function needs to start the task. */
  readonly properties: CaptureTaskProperties;

  constructor(scope: Construct, id: string, props: CaptureTaskProps) {
    super(scope, id);
    const { network, fileSystem, settings } = props;
    const stack = Stack.of(this);
    if (!Token.isUnresolved(props.serverUrl) && !BASE_URL_PATTERN.test(props.serverUrl))
      throw new Error(
        "CaptureTask: serverUrl must be a URL of protocol, host, port and path alone, without a slash at its end.",
      );

    props.role.addToPrincipalPolicy(
      new iam.PolicyStatement({
        sid: "FillSecrets",
        actions: ["secretsmanager:PutSecretValue"],
        resources: props.secrets.map((secret) => secret.secretArn),
      }),
    );
    this.securityGroup = this.#createSecurityGroup(props);
    this.logGroup = new logs.LogGroup(this, "Logs", {
      logGroupName: stageNames(settings.stage).logGroup(CONTAINER),
      retention: logs.RetentionDays.TWO_WEEKS,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    this.taskDefinition = new ecs.FargateTaskDefinition(this, "Definition", {
      family: `${stageNames(settings.stage).cluster}-${CONTAINER}`,
      cpu: 256,
      memoryLimitMiB: 512,
      taskRole: props.role,
      volumes: [
        {
          name: VOLUME,
          efsVolumeConfiguration: {
            fileSystemId: fileSystem.fileSystem.fileSystemId,
            transitEncryption: "ENABLED",
            authorizationConfig: { accessPointId: fileSystem.accessPoint.accessPointId, iam: "ENABLED" },
          },
        },
      ],
    });
    const container = this.taskDefinition.addContainer(CONTAINER, {
      image: containerImage(this, settings.server.image),
      entryPoint: ["sh", "-c"],
      command: ["echo 'Only the capture function starts this task.' >&2; exit 64"],
      readonlyRootFilesystem: true,
      logging: ecs.LogDriver.awsLogs({ logGroup: this.logGroup, streamPrefix: CONTAINER }),
    });
    container.addMountPoints({
      containerPath: SERVER.stateDirectory,
      sourceVolume: VOLUME,
      readOnly: true,
    });

    this.properties = {
      TaskDefinition: this.taskDefinition.taskDefinitionArn,
      Container: CONTAINER,
      Subnets: network.vpc.selectSubnets(network.taskSubnets).subnetIds,
      SecurityGroups: [this.securityGroup.securityGroupId],
      AssignPublicIp: network.assignPublicIp ? "ENABLED" : "DISABLED",
      ServerUrl: props.serverUrl,
      SecretsEndpoint: `https://secretsmanager.${stack.region}.${stack.urlSuffix}`,
      LogGroup: this.logGroup.logGroupName,
      LogStreamPrefix: CONTAINER,
    };
  }

  /** Out: AWS, the file system, the server, and nothing else. */
  #createSecurityGroup(props: CaptureTaskProps): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, "SecurityGroup", {
      vpc: props.network.vpc,
      description: "One-off task that captures the bootstrap tokens",
      allowAllOutbound: false,
    });
    group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), "Secrets Manager, image, logs");
    group.addEgressRule(ec2.Peer.ipv4(props.network.cidr), ec2.Port.tcp(2049), "The server's file system");
    group.addEgressRule(ec2.Peer.ipv4(props.network.cidr), ec2.Port.tcp(SERVER.port), "The server's API");
    props.fileSystem.allowMountFrom(this, "MountFromCapture", group);
    new ec2.CfnSecurityGroupIngress(this, "ServerFromCapture", {
      groupId: props.serverSecurityGroup.securityGroupId,
      sourceSecurityGroupId: group.securityGroupId,
      ipProtocol: "tcp",
      fromPort: SERVER.port,
      toPort: SERVER.port,
      description: "API for the one-off task that captures the bootstrap tokens",
    });
    return group;
  }
}
