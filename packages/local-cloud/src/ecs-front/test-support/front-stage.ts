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
import { createLogger, Deadline } from "@dbward-aws/core";
import { startTestEmulator, type TestEmulator } from "../../emulator/test-support/start-test-emulator.ts";
import type { ClientConfig } from "../../stage/clients.ts";
import { LOCAL_REGION } from "../../stage/environment.ts";
import { freePort } from "../../task-runner/free-port.ts";
import { type EcsFront, type EcsFrontOptions, startEcsFront } from "../index.ts";

export const CLUSTER = "test";

type ContainerDefinition = NonNullable<RegisterTaskDefinitionCommandInput["containerDefinitions"]>[number];

/** An emulated account with the ECS front before it, and short ways to use them. */
export class FrontStage {
  readonly directory: string;
  readonly ecs: ECSClient;
  /** What the front has logged. */
  readonly log: string[];
  readonly emulator: TestEmulator;
  readonly clientConfig: ClientConfig;
  front: EcsFront;
  readonly #port: number;

  private constructor(
    directory: string,
    emulator: TestEmulator,
    front: EcsFront,
    port: number,
    log: string[],
  ) {
    this.directory = directory;
    this.emulator = emulator;
    this.front = front;
    this.#port = port;
    this.log = log;
    this.clientConfig = {
      endpoint: emulator.endpoint,
      region: LOCAL_REGION,
      credentials: emulator.credentials,
    };
    this.ecs = new ECSClient({ ...this.clientConfig, endpoint: front.endpoint });
  }

  static async start(): Promise<FrontStage> {
    const directory = mkdtempSync(path.join(tmpdir(), "ecs-front-"));
    const frontPort = await freePort();
    const emulator = await startTestEmulator(directory, frontPort);
    const log: string[] = [];
    const front = await startEcsFront(FrontStage.#options(directory, emulator, frontPort, log));
    return new FrontStage(directory, emulator, front, frontPort, log);
  }

  /** Ends the front and starts another one, on the same account and directory. */
  async restartFront(): Promise<void> {
    await this.front.close();
    this.front = await startEcsFront(
      FrontStage.#options(this.directory, this.emulator, this.#port, this.log),
    );
  }

  async close(): Promise<void> {
    this.ecs.destroy();
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

  static #options(directory: string, emulator: TestEmulator, port: number, log: string[]): EcsFrontOptions {
    return {
      directory,
      emulator,
      region: LOCAL_REGION,
      credentials: emulator.credentials,
      port,
      servicePorts: {},
      standIn: true,
      agent: { firstOutputDelayMs: 0, outputPauseMs: 0 },
      logger: createLogger((line) => log.push(line)),
    };
  }
}

/** Asks until there is an answer. */
export async function until<T>(probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const answer = await Deadline.after(15_000).until(probe, 30);
  if (answer === undefined) throw new Error("It did not come about within 15 s");
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
