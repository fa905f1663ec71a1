import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import type { Logger } from "@dbward-aws/core";
import {
  type Credentials,
  type EmulatorAccess,
  type EmulatorSocket,
  freePort,
  type Judge,
  type RoleSession,
  type VpcFunction,
} from "@dbward-aws/local-account";
import { z } from "zod";
import { describeTasks, readRecords, type ServiceRecord, type TaskRecord } from "./ecs-records.ts";
import { callEcs } from "./emulated-api.ts";
import { isExecEnabled } from "./exec-setting.ts";
import { ProcessList } from "./process-list.ts";
import { installPrograms, type Program, programsFolder, sharedPaths } from "./programs.ts";
import { RunningService } from "./running-service.ts";
import { type LoadBalancing, RunningTask, type StopCause } from "./running-task.ts";
import { readTaskDefinition, type TaskDefinition } from "./task-definition.ts";
import { TaskNetwork } from "./task-network.ts";
import { containerCommand, type TaskSurroundings } from "./task-plan.ts";
import { TaskRights } from "./task-rights.ts";
import { type ServiceAddress, translateForFunction } from "./task-view.ts";

export interface TaskRunnerOptions {
  /** Of the local stage: data and files of tasks go below it. */
  readonly directory: string;
  /** The emulated account. */
  readonly emulator: EmulatorSocket & { readonly endpoint: string; readonly judge: Judge };
  readonly region: string;
  readonly credentials: Credentials;
  /**
   * Loopback port of a service's first container port, where it must be a certain one.
   * @default - free ones
   */
  readonly servicePort?: (service: ServiceName) => Promise<number> | undefined;
  /** Private DNS zone of a service, within which Service Connect works as well. @default - named after its cluster */
  readonly zoneOf?: (service: ServiceName) => string | undefined;
  /** Use the stand-ins although there are real programs. @default false */
  readonly standIn?: boolean;
  /** Milliseconds between RUNNING and a running ExecuteCommandAgent. @default 500 */
  readonly execAgentDelayMs?: number;
  readonly logger: Logger;
  /** Hears of every task that has changed. */
  readonly onChange?: (task: RunningTask) => void;
}

/** A service of the account: services of two clusters may have the same name. */
export interface ServiceName {
  /** Name of its cluster. */
  readonly cluster: string;
  readonly service: string;
}

/** A service as a person wants to see it. It holds no secret. */
export interface ServiceView {
  /** Name of its cluster. */
  readonly cluster: string;
  readonly name: string;
  readonly desired: number;
  readonly running: number;
  /** Command of its first container, as the task definition has it. */
  readonly command: string;
  /** What runs: `stand-in`, the path of a real program, or the command's own first word. */
  readonly implementation: string;
}

/**
 * Runs the tasks that the emulated ECS only keeps records of: looks at the records all the time, starts and
 * stops processes to match them, and reports the processes' state to the records.
 */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #access: EmulatorAccess;
  readonly #programs: readonly Program[];
  readonly #processes: ProcessList;
  readonly #surroundings: TaskSurroundings;
  /** Roles of tasks, by the path at which their programs ask for keys. */
  readonly #credentials = new Map<string, RoleSession>();
  readonly #cloudFormation: CloudFormationClient;
  readonly #network: TaskNetwork;
  readonly #tasks = new Map<string, RunningTask>();
  readonly #services = new Map<string, RunningService>();
  readonly #definitions = new Map<string, TaskDefinition>();
  readonly #ports = new Map<string, Promise<number>>();
  #addresses: readonly ServiceAddress[] = [];
  #closed = false;
  #looping: Promise<void>;
  #wake: () => void = () => undefined;
  #failedLooks = 0;

  /** Ends what an earlier runner has left behind, and begins to look. */
  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    const { directory, emulator, region, credentials, logger } = options;
    const { endpoint, socketPath } = emulator;
    this.#access = { endpoint, socketPath, region };
    this.#processes = new ProcessList(directory);
    const orphans = this.#processes.endOrphans();
    if (orphans > 0) logger.warn("tasks.orphans-ended", { count: orphans });
    this.#programs = installPrograms(directory, process.env, options.standIn ?? false);
    const keptPaths = sharedPaths(this.#programs);
    if (keptPaths.length > 0) logger.warn("agents.shared-status-files", { files: keptPaths });
    // Those of an earlier run would pass for the present agent's.
    for (const file of keptPaths) rmSync(file, { force: true });
    const client = { endpoint, region, credentials };
    this.#cloudFormation = new CloudFormationClient(client);
    this.#network = new TaskNetwork({
      client,
      service: ({ cluster, service }) =>
        [...this.#services.values()].find(
          ({ record }) => record.serviceName === service && lastPart(record.clusterArn) === cluster,
        )?.record,
      logger,
    });
    this.#surroundings = {
      directory,
      programs: programsFolder(directory),
      keptPaths,
      access: this.#access,
      keysOf: (session) => this.#issue(session),
      port: (task, containerPort) => this.#port(serviceOf(task) ?? task.taskArn, containerPort),
      network: this.#network,
      addresses: (task) => this.#addressesFor(task),
    };
    this.#looping = this.#loop();
  }

  /** A task that runs, or has run, here. @param reference its ARN or the id at its end */
  task(reference: string): RunningTask | undefined {
    const id = reference.split("/").at(-1);
    return [...this.#tasks.values()].find(({ arn }) => arn === reference || arn.endsWith(`/${id}`));
  }

  /** All tasks that have not ended yet, and the latest of those that have. */
  get tasks(): readonly RunningTask[] {
    return [...this.#tasks.values()];
  }

  /** @param reference ARN of a service */
  service(reference: string): RunningService | undefined {
    return this.#services.get(reference);
  }

  /** Tasks of a service that have not ended, also of one that is deleted. */
  tasksOf(service: string): readonly RunningTask[] {
    return this.tasks.filter((task) => serviceOf(task.record) === service && task.status !== "STOPPED");
  }

  /** What is running, for people. */
  services(): ServiceView[] {
    return [...this.#services.values()].map(({ record }) => {
      const [container] = this.#definitions.get(record.taskDefinition)?.containerDefinitions ?? [];
      const words = container ? containerCommand(container) : [];
      return {
        cluster: lastPart(record.clusterArn),
        name: record.serviceName,
        desired: record.desiredCount,
        running: this.tasksOf(record.serviceArn).filter(({ status }) => status === "RUNNING").length,
        command: words.join(" "),
        implementation: this.#implementation(words),
      };
    });
  }

  /** Variables of a function in the VPC, with the addresses that stand here for those of services. */
  async functionVariables(vpcFunction: VpcFunction): Promise<Record<string, string>> {
    const named = Object.values(vpcFunction.variables).join("\n");
    const addresses = await this.#network.functionAddresses(
      vpcFunction,
      this.#addresses.filter((address) => translateForFunction(named, [address]) !== named),
    );
    return Object.fromEntries(
      Object.entries(vpcFunction.variables).map(([name, value]) => [
        name,
        translateForFunction(value, addresses),
      ]),
    );
  }

  /** Looks at the records at once: something has just been changed. */
  nudge(): void {
    this.#wake();
  }

  /** Keys of a task's role. @param path that the task was started with; it can't be guessed */
  credentialsAt(path: string): Required<Credentials> | undefined {
    const session = this.#credentials.get(path);
    return session && this.#options.emulator.judge.keysOf(session);
  }

  /** Ends a task by its user's wish, also one that is held back for a deployment. */
  stopTask(reference: string, reason: string): void {
    void this.task(reference)?.stop({ stopCode: "UserInitiated", stoppedReason: reason });
  }

  /**
   * Ends all processes. The emulator's records stay as they are. Nobody waits for answers any more, so that a
   * drain is cut short.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#looping;
    const cause: StopCause = { stopCode: "UserInitiated", stoppedReason: "The local stage is shut down" };
    await Promise.all(this.tasks.map((task) => task.stop(cause, CLOSE_TIMEOUT_SECONDS)));
    this.#network.close();
    this.#cloudFormation.destroy();
  }

  async #loop(): Promise<void> {
    while (!this.#closed) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await this.#look().then(
        () => {
          this.#failedLooks = 0;
        },
        (error: unknown) => {
          // An emulator that is starting or ending is not logged.
          if (++this.#failedLooks === LOOKS_BEFORE_A_WARNING)
            this.#options.logger.warn("tasks.emulator-unreachable", { error });
        },
      );
      const timer = setTimeout(() => this.#wake(), LOOK_INTERVAL_MS);
      await woken;
      clearTimeout(timer);
    }
  }

  async #look(): Promise<void> {
    const { services, liveTasks } = await readRecords(this.#access);
    await this.#noteServices(services);
    const live = new Set(liveTasks.map(({ taskArn }) => taskArn));
    for (const { clusterArn, arns } of byCluster(
      liveTasks.filter(({ taskArn }) => !this.#tasks.has(taskArn)),
    ))
      for (const record of await describeTasks(this.#access, clusterArn, arns)) await this.#noteTask(record);
    await this.#endTasksWithout(live);
    for (const task of this.#tasks.values()) {
      if (!serviceOf(task.record)) task.start();
      if (task.superseded && !this.#serviceOf(task)) void task.stop(task.superseded);
    }
    for (const service of this.#services.values()) await this.#advance(service);
    this.#forgetEnded();
  }

  async #noteServices(records: readonly ServiceRecord[]): Promise<void> {
    const present = new Set(records.map(({ serviceArn }) => serviceArn));
    for (const arn of this.#services.keys()) if (!present.has(arn)) this.#services.delete(arn);
    for (const record of records) {
      const known = this.#services.get(record.serviceArn);
      if (known) known.update(record);
      else this.#services.set(record.serviceArn, new RunningService(record));
    }
    this.#addresses = await this.#readAddresses(records);
  }

  /** Those that a task can reach: of its zone, or for one without a service, of its cluster. */
  #addressesFor({ clusterArn, group = "" }: TaskRecord): ServiceAddress[] {
    const own = lastPart(clusterArn);
    const zone = group.startsWith("service:")
      ? this.#options.zoneOf?.({ cluster: own, service: group.slice("service:".length) })
      : undefined;
    return this.#addresses.filter(
      (address) => address.cluster === own && (zone === undefined || address.zone === zone),
    );
  }

  /** Names go to the ports of all services, before the first of them is started. */
  async #readAddresses(records: readonly ServiceRecord[]): Promise<ServiceAddress[]> {
    const addresses = records.map(async ({ serviceArn, serviceName, clusterArn, taskDefinition }) => {
      const definition = await this.#definition(taskDefinition);
      const cluster = lastPart(clusterArn);
      const zone = this.#options.zoneOf?.({ cluster, service: serviceName });
      const ports = definition.containerDefinitions.flatMap(({ portMappings = [] }) => portMappings);
      return Promise.all(
        ports.map(async ({ name, containerPort }) => ({
          cluster,
          ...(zone !== undefined && { zone }),
          service: serviceName,
          // The emulated account keeps no Service Connect configuration, in which the name of the port is the
          // default of the name by which others reach it.
          ...(name && { host: name }),
          containerPort,
          port: await this.#port(serviceArn, containerPort),
        })),
      );
    });
    return (await Promise.all(addresses)).flat();
  }

  async #noteTask(record: TaskRecord): Promise<void> {
    const owner = serviceOf(record);
    const service = this.#services.get(owner ?? "");
    // A task can be listed before its service is.
    if (this.#closed || record.lastStatus === "STOPPED" || (owner && !service)) return;
    const execEnabled =
      record.enableExecuteCommand ||
      (service ? await isExecEnabled(service.record, this.#cloudFormation) : false);
    const definition = await this.#definition(record.taskDefinitionArn);
    const task = new RunningTask(record, definition, execEnabled, {
      surroundings: this.#surroundings,
      rights: new TaskRights(this.#options.emulator.judge, this.#access, definition, record.taskArn),
      processes: this.#processes,
      logger: this.#options.logger,
      ...(service?.record.loadBalancers?.length
        ? { loadBalancing: this.#loadBalancing(service.record.serviceArn) }
        : {}),
      execAgentDelayMs: this.#options.execAgentDelayMs ?? 500,
      onStatus: (changed) => {
        if (changed.status === "STOPPING" && changed.cause) this.#ending(changed, changed.cause);
        this.#changed(changed);
      },
      onChange: (changed) => this.#changed(changed),
    });
    this.#tasks.set(record.taskArn, task);
  }

  #loadBalancing(serviceArn: string): LoadBalancing {
    let logged: string | undefined;
    return {
      graceSeconds: this.#services.get(serviceArn)?.record.healthCheckGracePeriodSeconds ?? 0,
      unreachable: async ({ arn, record }) => {
        const service = this.#services.get(serviceArn)?.record;
        const closed = service && (await this.#network.closedToLoadBalancer(record, service));
        if (closed && closed.reason !== logged)
          this.#options.logger.warn("network.closed", { for: arn, reason: closed.reason });
        logged = closed?.reason;
        return closed;
      },
    };
  }

  /** The records say that these tasks have ended; a service may still need them. */
  async #endTasksWithout(live: ReadonlySet<string>): Promise<void> {
    const gone = this.tasks.filter(({ arn, cause, superseded }) => !live.has(arn) && !cause && !superseded);
    for (const { clusterArn, arns } of byCluster(gone.map(({ record }) => record))) {
      const records = await describeTasks(this.#access, clusterArn, arns);
      for (const arn of arns) {
        const reason =
          records.find(({ taskArn }) => taskArn === arn)?.stoppedReason || "Task stopped by user";
        const task = this.#tasks.get(arn)!;
        const service = this.#serviceOf(task);
        if (service && ROLLING_UPDATE_REASONS.has(reason))
          task.superseded = {
            stopCode: "ServiceSchedulerInitiated",
            stoppedReason: `Scaling activity initiated by (deployment ${service.primary?.id})`,
          };
        else void task.stop({ stopCode: "UserInitiated", stoppedReason: reason });
      }
    }
  }

  async #advance(service: RunningService): Promise<void> {
    const { clusterArn: cluster, serviceArn, serviceName, desiredCount } = service.record;
    const tasks = this.tasksOf(serviceArn);
    const { start, stop, replace, rollBackTo } = service.next(tasks, performance.now());
    for (const task of start) {
      service.taskStarted(task);
      task.start();
    }
    for (const task of stop) void task.stop(task.superseded!);
    if (rollBackTo) {
      this.#options.logger.warn("service.rolled-back", { service: serviceName, taskDefinition: rollBackTo });
      await callEcs(
        this.#access,
        "UpdateService",
        { cluster, service: serviceName, taskDefinition: rollBackTo },
        z.unknown(),
      );
    } else if (replace && desiredCount > 0) {
      // The emulator makes up for missing tasks whenever a service is updated, even with nothing new.
      await callEcs(this.#access, "UpdateService", { cluster, service: serviceName }, z.unknown());
    }
  }

  #changed(task: RunningTask): void {
    this.#options.onChange?.(task);
    this.#wake();
  }

  #ending(task: RunningTask, cause: StopCause): void {
    void this.#closeRecord(task, cause);
    const service = this.#serviceOf(task);
    const failures = service?.failures;
    service?.taskEnding(task, performance.now());
    if (service && service.failures !== failures && service.failures > 1)
      this.#options.logger.warn("service.backing-off", {
        service: service.record.serviceName,
        failures: service.failures,
      });
  }

  /** Tells the emulator that a task is over; for a task that it has ended itself this changes nothing. */
  async #closeRecord({ arn, record }: RunningTask, { stoppedReason: reason }: StopCause): Promise<void> {
    if (this.#closed) return;
    await callEcs(
      this.#access,
      "StopTask",
      { cluster: record.clusterArn, task: arn, reason },
      z.unknown(),
    ).catch((error: unknown) => this.#options.logger.warn("task.record-kept", { task: arn, error }));
    this.#wake();
  }

  #forgetEnded(): void {
    const ended = this.tasks.filter(({ status }) => status === "STOPPED");
    for (const { arn } of ended.slice(0, Math.max(0, ended.length - ENDED_TASKS_KEPT)))
      this.#tasks.delete(arn);
    const over = new Set(ended.map(({ arn }) => arn.split("/").at(-1)));
    for (const [path, { name }] of this.#credentials) if (over.has(name)) this.#credentials.delete(path);
  }

  #serviceOf(task: RunningTask): RunningService | undefined {
    return this.#services.get(serviceOf(task.record) ?? "");
  }

  /** Task definitions never change. */
  async #definition(arn: string): Promise<TaskDefinition> {
    const known = this.#definitions.get(arn);
    if (known) return known;
    const { taskDefinition } = await callEcs(
      this.#access,
      "DescribeTaskDefinition",
      { taskDefinition: arn },
      z.object({ taskDefinition: z.looseObject({}) }),
    );
    const definition = readTaskDefinition(taskDefinition);
    this.#definitions.set(arn, definition);
    return definition;
  }

  #port(owner: string, containerPort: number): Promise<number> {
    const key = `${owner}:${containerPort}`;
    const isFirst = ![...this.#ports.keys()].some((it) => it.startsWith(`${owner}:`) && it !== key);
    const [cluster = "", service = ""] = owner.split("/").slice(-2);
    const fixed = isFirst ? this.#options.servicePort?.({ cluster, service }) : undefined;
    const port = this.#ports.get(key) ?? fixed ?? freePort();
    this.#ports.set(key, port);
    return port;
  }

  #issue(session: RoleSession): { keys: Required<Credentials>; path: string } {
    const path = `${CREDENTIALS_PATH}${randomBytes(20).toString("hex")}`;
    this.#credentials.set(path, session);
    return { keys: this.#options.emulator.judge.keysOf(session), path };
  }

  #implementation(words: readonly string[]): string {
    const program = this.#programs.find(({ name }) =>
      words.some((word) => new RegExp(`(?<![\\w./-])${name}(?![\\w-])`).test(word)),
    );
    if (!program) return words[0] ?? "";
    return program.kind === "stand-in" ? "stand-in" : program.file;
  }
}

/** Where containers ask for keys, as ECS has it. */
const CREDENTIALS_PATH = "/v2/credentials/";
const LOOK_INTERVAL_MS = 200;
const LOOKS_BEFORE_A_WARNING = 25;
const CLOSE_TIMEOUT_SECONDS = 3;
const ENDED_TASKS_KEPT = 200;

/** With these the emulator ends the tasks of a former deployment. */
const ROLLING_UPDATE_REASONS: ReadonlySet<string> = new Set([
  "Deployment completed",
  "Deployment capacity limit",
  "Task definition updated",
]);

/** Name at the end of an ARN. */
function lastPart(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

/** ARN of the service that a task belongs to. */
function serviceOf({ group, clusterArn }: TaskRecord): string | undefined {
  if (!group?.startsWith("service:")) return undefined;
  return `${clusterArn.replace(":cluster/", ":service/")}/${group.slice("service:".length)}`;
}

/** @returns ARNs of tasks by cluster, at most as many as one call takes */
function byCluster(
  tasks: readonly { readonly taskArn: string; readonly clusterArn: string }[],
): { clusterArn: string; arns: string[] }[] {
  const clusters = new Map<string, string[]>();
  for (const { clusterArn, taskArn } of tasks)
    clusters.set(clusterArn, [...(clusters.get(clusterArn) ?? []), taskArn]);
  return [...clusters].map(([clusterArn, arns]) => ({ clusterArn, arns: arns.slice(0, 100) }));
}
