import type { CaptureProperties } from "@dbward-aws/contract";
import { SERVER } from "@dbward-aws/contract";
import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import type { PropProblems } from "../prop-problems.ts";
import type { DbwardServer } from "../server/dbward-server.ts";
import { streamsOf, tasksOf } from "./arns.ts";
import { CaptureTask } from "./capture-task.ts";

export interface ExecCaptureOptions {
  /**
   * Whether to capture although the cluster logs its ECS Exec sessions: the tokens are then in that log.
   * @default false
   */
  readonly allowSessionLogging?: boolean;
}

export interface TaskCaptureOptions {
  /** Role of the one-off task. @default - a new one */
  readonly role?: iam.IRole;
}

/** What a capture by some method needs; for `CaptureMethod`. */
export interface CaptureContext {
  readonly server: DbwardServer;
  /** URL of the server's API for a task in the VPC. */
  readonly serverUrl: string;
  /** The secrets to fill, as the stack of the capture knows them. */
  readonly secrets: readonly secretsmanager.ISecret[];
  /** The same secrets, as their own stack knows them. */
  readonly ownSecrets: readonly secretsmanager.ISecret[];
  readonly encryptionKey: kms.IKey | undefined;
}

/** What a capture by some method is made of. */
export interface BoundCapture {
  /** Properties of the custom resource. */
  readonly properties: Pick<CaptureProperties, "Method" | "AllowSessionLogging" | "CaptureTask">;
  /** Rights of the function beside those that it has with every method. */
  readonly statements: readonly iam.PolicyStatement[];
  /** What the function may do with the customer managed key of the secrets. */
  readonly keyActions: readonly ("kms:Decrypt" | "kms:GenerateDataKey")[];
  readonly task?: CaptureTask;
}

/** How the tokens get out of the server's container. */
export abstract class CaptureMethod {
  /** One ECS Exec session into the running server, by the capture function. */
  static exec(options: ExecCaptureOptions = {}): CaptureMethod {
    return new ExecCapture(options);
  }

  /** A one-off task that mounts the server's file system, for accounts that forbid ECS Exec. */
  static task(options: TaskCaptureOptions = {}): CaptureMethod {
    return new TaskCapture(options);
  }

  /** Reports why the method does not fit the server. @internal */
  abstract check(server: DbwardServer, problems: PropProblems): void;

  /** Creates what the method needs. @internal */
  abstract bind(scope: Construct, context: CaptureContext): BoundCapture;
}

class ExecCapture extends CaptureMethod {
  readonly #options: ExecCaptureOptions;

  constructor(options: ExecCaptureOptions) {
    super();
    this.#options = options;
  }

  override check(server: DbwardServer, problems: PropProblems): void {
    problems.expect(
      server.enableExecuteCommand,
      "method",
      "must be CaptureMethod.task() for a server without ECS Exec (enableExecuteCommand)",
    );
  }

  override bind(scope: Construct, { server, secrets }: CaptureContext): BoundCapture {
    const stack = Stack.of(scope);
    const { clusterArn } = server.cluster;
    const { allowSessionLogging = false } = this.#options;
    return {
      properties: { Method: "exec", AllowSessionLogging: allowSessionLogging ? "true" : "false" },
      keyActions: ["kms:Decrypt", "kms:GenerateDataKey"],
      statements: [
        new iam.PolicyStatement({
          sid: "SeeSessionLogging",
          actions: ["ecs:DescribeClusters"],
          resources: [clusterArn],
        }),
        new iam.PolicyStatement({
          sid: "OpenSession",
          actions: ["ecs:ExecuteCommand"],
          resources: [clusterArn, tasksOf(stack, server.cluster)],
          conditions: {
            ArnEquals: { "ecs:cluster": clusterArn },
            StringEquals: { "ecs:container-name": SERVER.container },
          },
        }),
        // ECS names its sessions so; AWS documents no narrower bound for the one who began them.
        new iam.PolicyStatement({
          sid: "ResumeOrEndSession",
          actions: ["ssm:ResumeSession", "ssm:TerminateSession"],
          resources: [
            stack.formatArn({ service: "ssm", resource: "session", resourceName: "ecs-execute-command-*" }),
          ],
        }),
        new iam.PolicyStatement({
          sid: "FillSecrets",
          actions: ["secretsmanager:PutSecretValue"],
          resources: secrets.map((secret) => secret.secretArn),
        }),
      ],
    };
  }
}

/** The function writes no secret and opens no session: it starts a task that does, and watches it. */
class TaskCapture extends CaptureMethod {
  readonly #options: TaskCaptureOptions;

  constructor(options: TaskCaptureOptions) {
    super();
    this.#options = options;
  }

  override check(): void {}

  override bind(scope: Construct, context: CaptureContext): BoundCapture {
    const { server, ownSecrets, serverUrl, encryptionKey } = context;
    const task = new CaptureTask(scope, "Task", {
      server,
      serverUrl,
      // The role is in the stack of the secrets, and so is its right to write them.
      secrets: ownSecrets,
      ...this.#options,
      ...(encryptionKey && { encryptionKey }),
    });
    const { taskDefinition, logGroup, properties } = task;
    return {
      properties: { Method: "task", AllowSessionLogging: "false", CaptureTask: properties },
      keyActions: ["kms:Decrypt"],
      task,
      statements: [
        new iam.PolicyStatement({
          sid: "StartCaptureTask",
          actions: ["ecs:RunTask"],
          resources: [taskDefinition.taskDefinitionArn],
          conditions: { ArnEquals: { "ecs:cluster": server.cluster.clusterArn } },
        }),
        new iam.PolicyStatement({
          sid: "LendRolesToCaptureTask",
          actions: ["iam:PassRole"],
          resources: [taskDefinition.taskRole.roleArn, taskDefinition.obtainExecutionRole().roleArn],
          conditions: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
        }),
        new iam.PolicyStatement({
          sid: "ReadCaptureTaskLog",
          actions: ["logs:GetLogEvents"],
          resources: [streamsOf(Stack.of(scope), logGroup)],
        }),
      ],
    };
  }
}
