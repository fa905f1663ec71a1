import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SSMClient } from "@aws-sdk/client-ssm";
import {
  ACCOUNT_ID,
  type EmulatorAccess,
  type Judge,
  type Need,
  type RoleSession,
} from "@dbward-aws/local-account";
import { TaskStartFailed } from "./errors.ts";
import type { ContainerDefinition, TaskDefinition, VolumeDefinition } from "./task-definition.ts";

/** An image of the account's own registry. */
const ECR_IMAGE = /^(\d{12})\.dkr\.ecr\.([\w-]+)\.[^/]+\/([^:@]+)/;

/** Rights that ECS uses for a pull, in this order. */
const PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] as const;

/** What the agent of ECS Exec does with the task's role. */
const EXEC_CHANNELS = [
  "ssmmessages:CreateControlChannel",
  "ssmmessages:OpenControlChannel",
  "ssmmessages:CreateDataChannel",
  "ssmmessages:OpenDataChannel",
] as const;

/**
 * The roles of one task: what ECS does with its execution role before it starts, and what the task may do
 * itself.
 */
export class TaskRights {
  readonly #judge: Judge;
  readonly #access: EmulatorAccess;
  readonly #definition: TaskDefinition;
  readonly #taskId: string;

  constructor(judge: Judge, access: EmulatorAccess, definition: TaskDefinition, taskArn: string) {
    this.#judge = judge;
    this.#access = access;
    this.#definition = definition;
    this.#taskId = taskArn.split("/").at(-1)!;
  }

  /** The task's own role; `undefined` for a task without any, whose programs then find no keys. */
  get session(): RoleSession | undefined {
    return this.#session(this.#definition.taskRoleArn);
  }

  /**
   * Checks what ECS needs before it reads anything: that it can take the roles, and pull the images.
   *
   * @throws TaskStartFailed in the words of ECS
   */
  async check(): Promise<void> {
    const { taskRoleArn, executionRoleArn, containerDefinitions } = this.#definition;
    for (const role of [executionRoleArn, taskRoleArn]) if (role !== undefined) await this.#checkTrust(role);
    if (executionRoleArn === undefined) requireNoRole(containerDefinitions);
    for (const { image } of containerDefinitions) await this.#checkImage(image);
  }

  /**
   * Checks that a volume may be mounted, and written unless all its mount points are read-only.
   *
   * @throws TaskStartFailed in the words of ECS
   */
  async checkMount({ name, efsVolumeConfiguration: efs }: VolumeDefinition): Promise<void> {
    if (!efs) return;
    const { fileSystemId, transitEncryption, authorizationConfig: { iam, accessPointId } = {} } = efs;
    const arn = (resource: string) =>
      `arn:aws:elasticfilesystem:${this.#access.region}:${ACCOUNT_ID}:${resource}`;
    const context = {
      "aws:SecureTransport": String(transitEncryption === "ENABLED"),
      "elasticfilesystem:AccessedViaMountTarget": "true",
      ...(accessPointId
        ? { "elasticfilesystem:AccessPointArn": arn(`access-point/${accessPointId.split("/").at(-1)}`) }
        : {}),
    };
    const may = async (action: string) => {
      const need: Need = { action, resource: arn(`file-system/${fileSystemId.split("/").at(-1)}`), context };
      if (iam !== "ENABLED") return this.#judge.mayAnybody(need, this.#access.region);
      return this.session !== undefined && (await this.#judge.mayDo(this.session, need)) === undefined;
    };
    if (!(await may("elasticfilesystem:ClientMount"))) throw new TaskStartFailed(MOUNT_DENIED);
    const isWritten = this.#definition.containerDefinitions.some(({ mountPoints = [] }) =>
      mountPoints.some(({ sourceVolume, readOnly }) => sourceVolume === name && readOnly !== true),
    );
    if (isWritten && !(await may("elasticfilesystem:ClientWrite")))
      throw new TaskStartFailed(
        `The local stage doesn't start this task: it may not write to ${fileSystemId} (elasticfilesystem:ClientWrite), where on AWS its programs would meet a read-only file system.`,
      );
  }

  /** Clients by which ECS reads secrets and parameters for the task, with the execution role's keys. */
  sources(): { readonly secretsManager: SecretsManagerClient; readonly ssm: SSMClient; close(): void } {
    const config = this.#executionConfig();
    const secretsManager = new SecretsManagerClient(config);
    const ssm = new SSMClient(config);
    return {
      secretsManager,
      ssm,
      close: () => {
        secretsManager.destroy();
        ssm.destroy();
      },
    };
  }

  /** The client by which the log driver sends, with the execution role's keys. */
  logs(): CloudWatchLogsClient {
    return new CloudWatchLogsClient(this.#executionConfig());
  }

  /** Whether the agent of ECS Exec can open its channels. */
  async canOpenExecChannels(): Promise<boolean> {
    const { session } = this;
    if (!session) return false;
    for (const action of EXEC_CHANNELS)
      if (await this.#judge.mayDo(session, { action, resource: "*" })) return false;
    return true;
  }

  async #checkTrust(role: string): Promise<void> {
    const { region } = this.#access;
    const context = {
      "aws:SourceAccount": ACCOUNT_ID,
      "aws:SourceArn": `arn:aws:ecs:${region}:${ACCOUNT_ID}:*`,
    };
    if (await this.#judge.mayBeTaken(role, "ecs-tasks.amazonaws.com", context, region)) return;
    throw new TaskStartFailed(
      `ECS was unable to assume the role '${role}' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.`,
    );
  }

  async #checkImage(image: string): Promise<void> {
    const [, account, region, repository] = ECR_IMAGE.exec(image) ?? [];
    if (repository === undefined) return;
    const session = this.#session(this.#definition.executionRoleArn);
    if (!session) throw new TaskStartFailed(NO_ROLE("ECR images"));
    const login = await this.#judge.mayDo(session, { action: "ecr:GetAuthorizationToken", resource: "*" });
    if (login)
      throw new TaskStartFailed(
        `ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: ${login.message}`,
      );
    for (const action of PULL) {
      const resource = `arn:aws:ecr:${region}:${account}:repository/${repository}`;
      const refusal = await this.#judge.mayDo(session, { action, resource });
      if (refusal)
        throw new TaskStartFailed(
          `CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ${image}: 403 Forbidden: ${refusal.message}`,
        );
    }
  }

  #session(role: string | undefined): RoleSession | undefined {
    return role === undefined ? undefined : { role, name: this.#taskId };
  }

  #executionConfig() {
    const { endpoint, region } = this.#access;
    const session = this.#session(this.#definition.executionRoleArn);
    // Without a role nothing is read: see check().
    const credentials = session
      ? this.#judge.keysOf(session)
      : { accessKeyId: "none", secretAccessKey: "none" };
    return { endpoint, region, credentials, maxAttempts: 2 };
  }
}

const MOUNT_DENIED =
  "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: b'mount.nfs4: access denied by server while mounting 127.0.0.1:/' : unsuccessful EFS utils command execution; code: 32";

const NO_ROLE = (what: string) =>
  `Fargate requires task definition to have execution role ARN to support ${what}.`;

/** @throws TaskStartFailed for a container that needs the execution role which the task doesn't have */
function requireNoRole(containers: readonly ContainerDefinition[]): void {
  for (const { logConfiguration, secrets = [] } of containers) {
    if (secrets.length > 0) throw new TaskStartFailed(NO_ROLE("secrets"));
    if (logConfiguration?.logDriver === "awslogs") throw new TaskStartFailed(NO_ROLE("log driver awslogs"));
  }
}
