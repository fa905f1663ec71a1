import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricStatisticsCommand,
} from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  type Service,
  type Task,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { LambdaClient } from "@aws-sdk/client-lambda";
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { SSMClient } from "@aws-sdk/client-ssm";
import {
  METRIC_NAMESPACE,
  METRICS,
  type MetricName,
  STAGE_DIMENSION,
  type StageNames,
  stageNames,
  TOKEN_METRICS,
  type TokenMetricName,
} from "@dbward-aws/contract";
import { Deadline } from "@dbward-aws/core";
import type { LocalStage } from "@dbward-aws/local-cloud";

/** The emulated account of a local stage, asked as a user's tools ask a real one. */
export class Account {
  readonly names: StageNames;
  readonly cloudFormation: CloudFormationClient;
  readonly cloudWatch: CloudWatchClient;
  readonly ecs: ECSClient;
  readonly lambda: LambdaClient;
  readonly logs: CloudWatchLogsClient;
  readonly secretsManager: SecretsManagerClient;
  readonly ssm: SSMClient;
  readonly #stage: string;

  /** @param sharedCluster @default - the stage has a cluster of its own */
  constructor(stage: LocalStage, sharedCluster?: string) {
    this.#stage = stage.stage;
    this.names = stageNames(stage.stage, sharedCluster);
    const config = stage.clientConfig();
    this.cloudFormation = new CloudFormationClient(config);
    this.cloudWatch = new CloudWatchClient(config);
    this.ecs = new ECSClient(config);
    this.lambda = new LambdaClient(config);
    this.logs = new CloudWatchLogsClient(config);
    this.secretsManager = new SecretsManagerClient(config);
    this.ssm = new SSMClient(config);
  }

  async secret(name: string): Promise<string> {
    const { SecretString } = await this.secretsManager.send(new GetSecretValueCommand({ SecretId: name }));
    return SecretString ?? "";
  }

  async secretArn(name: string): Promise<string> {
    const { ARN } = await this.secretsManager.send(new DescribeSecretCommand({ SecretId: name }));
    return ARN!;
  }

  /** Id of the version in use. */
  async secretVersion(name: string): Promise<string | undefined> {
    const { VersionIdsToStages = {} } = await this.secretsManager.send(
      new DescribeSecretCommand({ SecretId: name }),
    );
    return Object.keys(VersionIdsToStages).find((id) => VersionIdsToStages[id]?.includes("AWSCURRENT"));
  }

  /**
   * What a person does who wants a token captured again: Secrets Manager keeps no empty value, so it is a
   * space.
   */
  async emptySecret(name: string): Promise<void> {
    await this.secretsManager.send(new PutSecretValueCommand({ SecretId: name, SecretString: " " }));
  }

  /** Outputs of a stack by their keys. */
  async outputs(StackName: string): Promise<Record<string, string>> {
    const { Stacks = [] } = await this.cloudFormation.send(new DescribeStacksCommand({ StackName }));
    const outputs = Stacks[0]?.Outputs ?? [];
    return Object.fromEntries(outputs.map(({ OutputKey, OutputValue }) => [OutputKey!, OutputValue!]));
  }

  /** @param cluster @default - that of the stage */
  async service(name: string, cluster = this.names.cluster): Promise<Service> {
    const { services = [] } = await this.ecs.send(new DescribeServicesCommand({ cluster, services: [name] }));
    if (!services[0]) throw new Error(`There is no service ${name}.`);
    return services[0];
  }

  /** Tasks of a service that are not stopped, and those that were, newest start first. */
  async tasks(service: string): Promise<Task[]> {
    const { cluster } = this.names;
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

  /** Sets how many tasks a service has, and waits until it has them. */
  async scale(service: string, desiredCount: number): Promise<void> {
    await this.ecs.send(new UpdateServiceCommand({ cluster: this.names.cluster, service, desiredCount }));
    await eventually(
      async () => (await this.service(service)).runningCount === desiredCount || undefined,
      120_000,
    );
  }

  /** Newest value of a metric since `since`; `undefined` when there is none. */
  async metric(name: MetricName | TokenMetricName, since: Date): Promise<number | undefined> {
    return (await this.metricValues(name, since))[0];
  }

  /** Values of a metric since `since`, newest first. */
  async metricValues(name: MetricName | TokenMetricName, since: Date): Promise<number[]> {
    const { statistic } = { ...METRICS, ...TOKEN_METRICS }[name];
    const { Datapoints = [] } = await this.cloudWatch.send(
      new GetMetricStatisticsCommand({
        Namespace: METRIC_NAMESPACE,
        MetricName: name,
        Dimensions: [{ Name: STAGE_DIMENSION, Value: this.#stage }],
        StartTime: since,
        EndTime: new Date(Date.now() + 60_000),
        Period: 1,
        Statistics: [statistic],
      }),
    );
    return Datapoints.sort((a, b) => Number(b.Timestamp) - Number(a.Timestamp)).map(
      (point) => point[statistic]!,
    );
  }

  async alarmState(id: string): Promise<string | undefined> {
    const { MetricAlarms = [], CompositeAlarms = [] } = await this.cloudWatch.send(
      new DescribeAlarmsCommand({
        AlarmNames: [this.names.alarm(id)],
        AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
      }),
    );
    return [...MetricAlarms, ...CompositeAlarms][0]?.StateValue;
  }

  /** Names of all alarms that the stage has. */
  async everyAlarm(): Promise<string[]> {
    const { MetricAlarms = [], CompositeAlarms = [] } = await this.cloudWatch.send(
      new DescribeAlarmsCommand({
        AlarmNamePrefix: this.names.alarm(""),
        AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
      }),
    );
    return [...MetricAlarms, ...CompositeAlarms].map(({ AlarmName = "" }) => AlarmName);
  }

  close(): void {
    const { cloudFormation, cloudWatch, ecs, lambda, logs, secretsManager, ssm } = this;
    for (const client of [cloudFormation, cloudWatch, ecs, lambda, logs, secretsManager, ssm])
      client.destroy();
  }
}

/**
 * Asks until there is an answer; fails when there is none after `milliseconds`. An error counts as no answer
 * yet.
 */
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
