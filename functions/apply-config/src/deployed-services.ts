import {
  type ContainerDefinition,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  type ECSClient,
  paginateListTasks,
  type Service,
} from "@aws-sdk/client-ecs";
import { AGENT, CONFIG_VARIABLE, SERVER } from "@dbward-aws/contract";
import type { Deadline } from "@dbward-aws/core";
import type { DeployedContainer } from "@dbward-aws/dbward-config";
import type { ApplySettings, ServiceName } from "./environment.ts";
import { during } from "./errors.ts";
import { type StoredValue, storedValue } from "./stored-values.ts";

/** A service that runs tasks, as ECS has it. */
export interface DeployedService extends ServiceName {
  /** Whether ECS is replacing tasks. */
  readonly isDeploying: boolean;
  /** The newest deployment. */
  readonly deployment: { readonly id: string; readonly hasFailed: boolean };
  /**
   * A value that is newer is not in all tasks: when ECS created the oldest task, before it read the values;
   * without a task, when the newest deployment began.
   */
  readonly since: Date;
  readonly container: DeployedContainer;
  /** The configuration, if it is in SSM. */
  readonly config: StoredValue | undefined;
  /** Everything else that ECS reads when a task starts. */
  readonly secrets: readonly StoredValue[];
}

/** Most services in one call of DescribeServices. */
const SERVICES_A_CALL = 10;
/** Most tasks in one call of DescribeTasks. */
const TASKS_A_CALL = 100;

/** Reads services. Task definitions never change, and are read once. */
export class DeployedServices {
  readonly #ecs: ECSClient;
  readonly #cluster: string;
  readonly #names: readonly ServiceName[];
  readonly #containers = new Map<string, ContainerDefinition>();

  constructor(ecs: ECSClient, { cluster, services }: ApplySettings) {
    this.#ecs = ecs;
    this.#cluster = cluster;
    this.#names = services;
  }

  /**
   * The services that should run tasks, in the order of the settings.
   *
   * @throws ApplyCallError
   */
  async read(deadline: Deadline): Promise<DeployedService[]> {
    const services: Service[] = [];
    for (let at = 0; at < this.#names.length; at += SERVICES_A_CALL) {
      const names = this.#names.slice(at, at + SERVICES_A_CALL).map(({ name }) => name);
      const answer = await during(
        "Describing the services in ECS",
        this.#ecs.send(new DescribeServicesCommand({ cluster: this.#cluster, services: names }), {
          abortSignal: deadline.signal,
        }),
      );
      services.push(...(answer.services ?? []));
    }
    const found = await Promise.all(
      this.#names.map(async (name) => {
        const service = services.find(({ serviceName }) => serviceName === name.name);
        return service && this.#deployed(name, service, deadline);
      }),
    );
    return found.filter((service) => service !== undefined);
  }

  async #deployed(
    name: ServiceName,
    service: Service,
    deadline: Deadline,
  ): Promise<DeployedService | undefined> {
    const { status, desiredCount = 0, deployments = [] } = service;
    const primary = deployments.find((deployment) => deployment.status === "PRIMARY");
    if (status !== "ACTIVE" || desiredCount === 0 || !primary?.createdAt || !primary.taskDefinition)
      return undefined;
    const [container, oldest] = await Promise.all([
      this.#container(name, primary.taskDefinition, deadline),
      this.#oldestTask(name.name, deadline),
    ]);
    if (!container) return undefined;
    const stored = (container.secrets ?? []).map(({ name: variable = "", valueFrom = "" }) => ({
      variable,
      value: storedValue(valueFrom),
    }));
    return {
      ...name,
      isDeploying: deployments.some(({ rolloutState }) => rolloutState === "IN_PROGRESS"),
      deployment: { id: primary.id ?? "", hasFailed: primary.rolloutState === "FAILED" },
      since: oldest ?? primary.createdAt,
      container: {
        program: name.agent === undefined ? "server" : "agent",
        environment: Object.fromEntries(
          (container.environment ?? []).map(({ name: variable = "", value = "" }) => [variable, value]),
        ),
        secrets: stored.map(({ variable }) => variable),
        stopTimeoutSeconds: container.stopTimeout ?? 0,
      },
      config: stored.find(({ variable }) => variable === CONFIG_VARIABLE)?.value,
      secrets: stored.flatMap(({ variable, value }) =>
        value && variable !== CONFIG_VARIABLE ? [value] : [],
      ),
    };
  }

  async #container(
    { agent }: ServiceName,
    taskDefinition: string,
    deadline: Deadline,
  ): Promise<ContainerDefinition | undefined> {
    const known = this.#containers.get(taskDefinition);
    if (known) return known;
    const answer = await during(
      `Describing task definition ${taskDefinition}`,
      this.#ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition }), { abortSignal: deadline.signal }),
    );
    const name = agent === undefined ? SERVER.container : AGENT.container;
    const container = answer.taskDefinition?.containerDefinitions?.find((each) => each.name === name);
    if (container) this.#containers.set(taskDefinition, container);
    return container;
  }

  /** When ECS created the oldest of a service's tasks that it wants to run; `undefined` without tasks. */
  async #oldestTask(serviceName: string, { signal }: Deadline): Promise<Date | undefined> {
    const what = `Looking up the tasks of service ${serviceName}`;
    const arns: string[] = [];
    const pages = paginateListTasks(
      { client: this.#ecs },
      { cluster: this.#cluster, serviceName, desiredStatus: "RUNNING" },
      { abortSignal: signal },
    );
    await during(
      what,
      (async () => {
        for await (const { taskArns = [] } of pages) arns.push(...taskArns);
      })(),
    );
    const created: number[] = [];
    for (let at = 0; at < arns.length; at += TASKS_A_CALL) {
      const tasks = arns.slice(at, at + TASKS_A_CALL);
      const answer = await during(
        what,
        this.#ecs.send(new DescribeTasksCommand({ cluster: this.#cluster, tasks }), { abortSignal: signal }),
      );
      for (const { createdAt } of answer.tasks ?? []) if (createdAt) created.push(createdAt.getTime());
    }
    return created.length === 0 ? undefined : new Date(Math.min(...created));
  }
}
