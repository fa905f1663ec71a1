import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricStatisticsCommand,
} from "@aws-sdk/client-cloudwatch";
import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  type Task,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
  METRIC_NAMESPACE,
  METRICS,
  type MetricName,
  STAGE_DIMENSION,
  stageNames,
} from "@dbward-aws/contract";
import { Deadline } from "@dbward-aws/core";
import type { LocalStage } from "@dbward-aws/local-cloud";

/** The emulated account of a local stage, asked as a user's tools ask a real one. */
export class Account {
  readonly ecs: ECSClient;
  readonly cloudWatch: CloudWatchClient;
  readonly secretsManager: SecretsManagerClient;
  readonly #stage: string;

  constructor(stage: LocalStage) {
    this.#stage = stage.stage;
    this.ecs = new ECSClient(stage.clientConfig("ecs"));
    this.cloudWatch = new CloudWatchClient(stage.clientConfig());
    this.secretsManager = new SecretsManagerClient(stage.clientConfig());
  }

  get #names() {
    return stageNames(this.#stage);
  }

  async secret(name: string): Promise<string> {
    const { SecretString } = await this.secretsManager.send(new GetSecretValueCommand({ SecretId: name }));
    return SecretString ?? "";
  }

  /** Tasks of a service that are not stopped, and those that were, newest start first. */
  async tasks(service: string): Promise<Task[]> {
    const cluster = this.#names.cluster;
    const listed = await Promise.all(
      (["RUNNING", "STOPPED"] as const).map((desiredStatus) =>
        this.ecs.send(new ListTasksCommand({ cluster, serviceName: service, desiredStatus })),
      ),
    );
    const arns = listed.flatMap(({ taskArns = [] }) => taskArns);
    if (arns.length === 0) return [];
    const { tasks = [] } = await this.ecs.send(new DescribeTasksCommand({ cluster, tasks: arns }));
    return tasks.sort((a, b) => Number(b.createdAt) - Number(a.createdAt));
  }

  async runningCount(service: string): Promise<number | undefined> {
    const { services = [] } = await this.ecs.send(
      new DescribeServicesCommand({ cluster: this.#names.cluster, services: [service] }),
    );
    return services[0]?.runningCount;
  }

  /** Sets how many tasks a service has, and waits until it has them. */
  async scale(service: string, desiredCount: number): Promise<void> {
    await this.ecs.send(new UpdateServiceCommand({ cluster: this.#names.cluster, service, desiredCount }));
    await eventually(async () => (await this.runningCount(service)) === desiredCount || undefined, 120_000);
  }

  /** Newest value of a metric since `since`; `undefined` when there is none. */
  async metric(name: MetricName, since: Date): Promise<number | undefined> {
    const { Datapoints = [] } = await this.cloudWatch.send(
      new GetMetricStatisticsCommand({
        Namespace: METRIC_NAMESPACE,
        MetricName: name,
        Dimensions: [{ Name: STAGE_DIMENSION, Value: this.#stage }],
        StartTime: since,
        EndTime: new Date(Date.now() + 60_000),
        Period: 1,
        Statistics: [METRICS[name].statistic],
      }),
    );
    const newest = Datapoints.sort((a, b) => Number(b.Timestamp) - Number(a.Timestamp))[0];
    return newest?.[METRICS[name].statistic];
  }

  async alarmState(id: string): Promise<string | undefined> {
    const { MetricAlarms = [], CompositeAlarms = [] } = await this.cloudWatch.send(
      new DescribeAlarmsCommand({
        AlarmNames: [this.#names.alarm(id)],
        AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
      }),
    );
    return [...MetricAlarms, ...CompositeAlarms][0]?.StateValue;
  }

  close(): void {
    for (const client of [this.ecs, this.cloudWatch, this.secretsManager]) client.destroy();
  }
}

/** Asks until there is an answer; fails when there is none after `milliseconds`. An error counts as no answer yet. */
export async function eventually<T>(probe: () => Promise<T | undefined>, milliseconds: number): Promise<T> {
  let last: unknown;
  const answer = await Deadline.after(milliseconds).until(async () => {
    try {
      last = undefined;
      return await probe();
    } catch (error) {
      last = error;
      return undefined;
    }
  }, 250);
  if (answer === undefined) throw new Error(`No answer within ${milliseconds} ms`, { cause: last });
  return answer;
}
