import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  type CreateServiceCommandInput,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  type KeyValuePair,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  type Service,
  type Task,
} from "@aws-sdk/client-ecs";
import { IAMClient } from "@aws-sdk/client-iam";
import { createLogger, Deadline } from "@dbward-aws/core";
import type { ClientConfig } from "@dbward-aws/local-account";
import { LOCAL_REGION } from "@dbward-aws/local-account";
import {
  startTestEmulator,
  type TestEmulator,
} from "../../../../local-account/src/emulator/test-support/start-test-emulator.ts";
import { allow, makeRole } from "../../../../local-account/src/rights/test-support/make-role.ts";
import { type EcsFront, type EcsFrontOptions, startEcsFront } from "../index.ts";

export const CLUSTER = "test";

type ContainerDefinition = NonNullable<RegisterTaskDefinitionCommandInput["containerDefinitions"]>[number];

/** An emulated account with the ECS front before it, and short ways to use them. */
export class FrontStage {
  readonly directory: string;
  readonly ecs: ECSClient;
  readonly iam: IAMClient;
  /**
   * Roles of every task that names no others: one may do what ECS does before a task starts, one what ECS
   * Exec does.
   */
  readonly roles = { executionRoleArn: "", taskRoleArn: "" };
  /** What the front has logged. */
  readonly log: string[];
  readonly emulator: TestEmulator;
  readonly clientConfig: ClientConfig;
  front: EcsFront;

  private constructor(directory: string, emulator: TestEmulator, front: EcsFront, log: string[]) {
    this.directory = directory;
    this.emulator = emulator;
    this.front = front;
    this.log = log;
    this.clientConfig = {
      endpoint: emulator.endpoint,
      region: LOCAL_REGION,
      credentials: emulator.credentials,
    };
    this.ecs = new ECSClient(this.clientConfig);
    this.iam = new IAMClient(this.clientConfig);
  }

  static async start(): Promise<FrontStage> {
    const directory = mkdtempSync(path.join(tmpdir(), "ecs-front-"));
    const emulator = await startTestEmulator(directory);
    const log: string[] = [];
    const front = startEcsFront(FrontStage.#options(directory, emulator, log));
    const stage = new FrontStage(directory, emulator, front, log);
    stage.roles.executionRoleArn = await makeRole(stage.iam, "execution", [
      allow(["logs:*", "secretsmanager:GetSecretValue", "ssm:GetParameters"]),
    ]);
    stage.roles.taskRoleArn = await makeRole(stage.iam, "task", [allow(["ssmmessages:*"])]);
    return stage;
  }

  /** Ends the front and starts another one, on the same account and directory. */
  async restartFront(): Promise<void> {
    await this.front.close();
    this.front = startEcsFront(FrontStage.#options(this.directory, this.emulator, this.log));
  }

  async close(): Promise<void> {
    this.ecs.destroy();
    this.iam.destroy();
    await this.front.close();
    await this.emulator.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** @returns ARN of the task definition */
  async define(family: string, container: Partial<ContainerDefinition>, more = {}): Promise<string> {
    const { taskDefinition } = await this.ecs.send(
      new RegisterTaskDefinitionCommand({
        family,
        containerDefinitions: [{ name: "main", image: "none", stopTimeout: 2, ...container }],
        ...this.roles,
        ...more,
      }),
    );
    return taskDefinition!.taskDefinitionArn!;
  }

  async serve(
    serviceName: string,
    container: Partial<ContainerDefinition>,
    service: Partial<CreateServiceCommandInput> = {},
  ): Promise<void> {
    await this.ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
    const taskDefinition = await this.define(serviceName, container);
    await this.ecs.send(
      new CreateServiceCommand({
        cluster: CLUSTER,
        serviceName,
        taskDefinition,
        desiredCount: 1,
        enableExecuteCommand: true,
        ...service,
      }),
    );
  }

  async service(serviceName: string): Promise<Service> {
    const { services } = await this.ecs.send(
      new DescribeServicesCommand({ cluster: CLUSTER, services: [serviceName] }),
    );
    return services![0]!;
  }

  async task(taskArn: string): Promise<Task> {
    const { tasks } = await this.ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [taskArn] }));
    return tasks![0]!;
  }

  async tasksOf(serviceName: string): Promise<Task[]> {
    const { taskArns = [] } = await this.ecs.send(new ListTasksCommand({ cluster: CLUSTER, serviceName }));
    return Promise.all(taskArns.map((arn) => this.task(arn)));
  }

  /** Waits until a service's deployment is complete. */
  async steady(serviceName: string): Promise<Service> {
    return until(async () => {
      const service = await this.service(serviceName);
      const [primary, ...others] = service.deployments ?? [];
      return primary?.rolloutState === "COMPLETED" && others.length === 0 ? service : undefined;
    });
  }

  /** Waits until a service has one task that is `RUNNING`, other than `than`. */
  async runningTask(serviceName: string, than?: string): Promise<Task> {
    return until(async () =>
      (await this.tasksOf(serviceName)).find(
        ({ lastStatus, taskArn }) => lastStatus === "RUNNING" && taskArn !== than,
      ),
    );
  }

  /** Everything that was written below the stage's directory, and the front's log. */
  written(): string {
    const files = readdirSync(this.directory, { recursive: true, withFileTypes: true }).filter((it) =>
      it.isFile(),
    );
    return [
      ...this.log,
      ...files.map((it) => readFileSync(path.join(it.parentPath, it.name), "latin1")),
    ].join("\n");
  }

  static #options(directory: string, emulator: TestEmulator, log: string[]): EcsFrontOptions {
    return {
      directory,
      emulator,
      region: LOCAL_REGION,
      credentials: emulator.credentials,
      standIn: true,
      agent: { firstOutputDelayMs: 0, outputPauseMs: 0 },
      logger: createLogger((line) => log.push(line)),
    };
  }
}

/** Asks until there is an answer. */
export async function until<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  milliseconds = 15_000,
): Promise<T> {
  const answer = await Deadline.after(milliseconds).until(probe, 30);
  if (answer === undefined) throw new Error(`It did not come about within ${milliseconds} ms`);
  return answer;
}

/** A command of the shell, as a container's command. */
export function shell(script: string): { command: string[] } {
  return { command: ["sh", "-c", script] };
}

/** An environment in the form of a task definition. */
export function variables(values: Record<string, string>): KeyValuePair[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}
