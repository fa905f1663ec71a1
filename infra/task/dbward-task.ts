import { LOG_FILTER_VARIABLE, SERVER } from "@dbward-aws/contract";
import { type Duration, Size } from "aws-cdk-lib";
import * as ecs from "aws-cdk-lib/aws-ecs";
import type * as iam from "aws-cdk-lib/aws-iam";
import type * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";
import { keyUse } from "../state/key-use.ts";
import { ContainerSecret } from "./container-secret.ts";

export interface DbwardTaskProps {
  /** Family of the task definition. */
  readonly family: string;
  /** CPU units, 1024 a vCPU. */
  readonly cpu: number;
  readonly memoryLimitMiB: number;
  readonly cpuArchitecture: ecs.CpuArchitecture;
  readonly taskRole: iam.IRole;
}

/** What the containers of server and agent differ in. */
export interface DbwardContainerProps {
  readonly image: ecs.ContainerImage;
  /** `sh`, `-c`, a script. */
  readonly command: readonly string[];
  /** Variables beside those that every container has. */
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, ecs.Secret>>;
  /** Value of `RUST_LOG`. */
  readonly logFilter: string;
  readonly logGroup: logs.ILogGroup;
  readonly healthCheck: ecs.HealthCheck;
  readonly stopTimeout: Duration;
  /** Whether ECS Exec is on, whose agent runs as root in the container and writes to its root file system. */
  readonly enableExecuteCommand: boolean;
  readonly dockerLabels?: { [name: string]: string };
  readonly portMappings?: ecs.PortMapping[];
}

/** User and group of dbward's images, in numbers: a name would have to be in the image's `/etc/passwd`. */
export const DBWARD_USER = `${SERVER.uid}:${SERVER.gid}`;

/** Room in `/tmp` for the configuration file and SQLite's temporary files; it counts as the task's memory. */
const TMP_SIZE = Size.mebibytes(64);

const { Capability } = ecs;
/**
 * The default capabilities of a container that the agent of ECS Exec has no use for. It runs as root in the
 * container of another user, whose files it reads (DAC_OVERRIDE, FOWNER, CHOWN) and whose processes it may
 * stop (KILL); which of the others it needs is not documented, so that SETUID and SETGID stay as well.
 */
const UNUSED_BY_EXEC = [
  Capability.AUDIT_WRITE,
  Capability.FSETID,
  Capability.MKNOD,
  Capability.NET_BIND_SERVICE,
  Capability.NET_RAW,
  Capability.SETFCAP,
  Capability.SETPCAP,
  Capability.SYS_CHROOT,
];

/** The platform of every task: images of dbward are for Linux. */
export function linuxOn(cpuArchitecture: ecs.CpuArchitecture): ecs.RuntimePlatform {
  return { cpuArchitecture, operatingSystemFamily: ecs.OperatingSystemFamily.LINUX };
}

/**
 * A Fargate task with one container of dbward, whose execution role may do what its container needs and
 * nothing else.
 */
export class DbwardTask extends ecs.FargateTaskDefinition {
  constructor(scope: Construct, id: string, { cpuArchitecture, ...props }: DbwardTaskProps) {
    super(scope, id, { ...props, runtimePlatform: linuxOn(cpuArchitecture) });
    acceptFindings(this.node.defaultChild!, [
      {
        id: "AwsSolutions-ECS2",
        reason: "These variables hold no secret: those come from Secrets Manager when the task starts.",
      },
    ]);
  }

  /** @param name of the container, and prefix of its log streams */
  addDbwardContainer(name: string, props: DbwardContainerProps): ecs.ContainerDefinition {
    const [shell, option, ...script] = props.command;
    const container = this.addContainer(name, {
      image: props.image,
      // The shell takes the place of the image's own entry point.
      entryPoint: [shell!, option!],
      command: script,
      environment: {
        ...props.environment,
        [LOG_FILTER_VARIABLE]: props.logFilter,
        // Fargate has no instance metadata, and asking for it takes seconds.
        AWS_EC2_METADATA_DISABLED: "true",
      },
      secrets: { ...props.secrets },
      ...(props.dockerLabels && { dockerLabels: props.dockerLabels }),
      logging: ecs.LogDrivers.awsLogs({ logGroup: props.logGroup, streamPrefix: name }),
      healthCheck: props.healthCheck,
      user: DBWARD_USER,
      readonlyRootFilesystem: !props.enableExecuteCommand,
      linuxParameters: this.#linuxParameters(props.enableExecuteCommand),
      stopTimeout: props.stopTimeout,
      ...(props.portMappings && { portMappings: props.portMappings }),
    });
    this.#decrypt(Object.values(props.secrets));
    acceptFindings(this.obtainExecutionRole(), [
      {
        id: "AwsSolutions-IAM5",
        appliesTo: ["Resource::*"],
        reason: "A pull from ECR begins with ecr:GetAuthorizationToken, which knows no resource.",
      },
    ]);
    return container;
  }

  /** @see docs/decisions/130-what-a-container-may-do.md */
  #linuxParameters(enableExecuteCommand: boolean): ecs.LinuxParameters {
    const parameters = new ecs.LinuxParameters(this, "Linux", { initProcessEnabled: true });
    if (enableExecuteCommand) {
      parameters.dropCapabilities(...UNUSED_BY_EXEC);
      return parameters;
    }
    parameters.dropCapabilities(Capability.ALL);
    parameters.addTmpfs({
      containerPath: "/tmp",
      size: TMP_SIZE.toMebibytes(),
      mountOptions: [ecs.TmpfsMountOption.NOSUID, ecs.TmpfsMountOption.NODEV, ecs.TmpfsMountOption.NOEXEC],
    });
    return parameters;
  }

  /**
   * Accepts what cdk-nag finds in the task's role when its service uses ECS Exec; call it when the service is
   * made.
   */
  acceptExecFindings(): void {
    acceptFindings(this.taskRole, [
      {
        id: "AwsSolutions-IAM5",
        appliesTo: ["Resource::*"],
        reason: "ECS Exec needs four ssmmessages actions, and none of them knows a resource.",
      },
    ]);
  }

  /** Lets ECS decrypt what it puts into the container. Values under keys of AWS need no right. */
  #decrypt(secrets: readonly ecs.Secret[]): void {
    for (const [sid, service] of [
      ["DecryptSecrets", "secretsmanager"],
      ["DecryptParameters", "ssm"],
    ] as const) {
      const keys = secrets.flatMap((secret) =>
        secret instanceof ContainerSecret && secret.service === service && secret.encryptionKey
          ? [secret.encryptionKey.keyArn]
          : [],
      );
      if (keys.length > 0)
        this.addToExecutionRolePolicy(
          keyUse(this, { sid, service, keyArns: [...new Set(keys)], actions: ["kms:Decrypt"] }),
        );
    }
  }
}
