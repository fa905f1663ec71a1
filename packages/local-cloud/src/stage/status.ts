import type { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import {
  type CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
} from "@aws-sdk/client-cloudwatch";
import { paginateListSecrets, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
  METRIC_NAMESPACE,
  METRICS,
  type MetricName,
  STAGE_DIMENSION,
  stageNames,
} from "@dbward-aws/contract";
import { displayText } from "@dbward-aws/core";
import { stageStacks } from "./stack-events.ts";

/**
 * What `pnpm local status --json` prints: a contract for tests and scripts. It never carries a token.
 */
export interface StageStatus {
  readonly stage: string;
  /** The emulated account's endpoint, for every service but ECS: `AWS_ENDPOINT_URL`. */
  readonly endpoint: string;
  /** The endpoint of ECS: `AWS_ENDPOINT_URL_ECS`. */
  readonly ecsEndpoint: string;
  /** URL of dbward's server; it answers once it is deployed. */
  readonly serverUrl: string;
  readonly stacks: readonly { readonly name: string; readonly status: string }[];
  readonly services: readonly ServiceStatus[];
  readonly secrets: readonly SecretStatus[];
  /** Newest value of each metric that has one, of the last 15 minutes. */
  readonly metrics: Readonly<Record<string, { readonly value: number; readonly timestamp: string }>>;
  readonly alarms: readonly { readonly name: string; readonly state: string }[];
  /** URL of the dashboard page; `null` while none is served. */
  readonly dashboardUrl: string | null;
}

/** An ECS service and what really runs of it. */
export interface ServiceStatus {
  readonly name: string;
  readonly desired: number;
  readonly running: number;
  /** The container's command, as one line. */
  readonly command: string;
  /** What stands for dbward here: the path of a real binary, or the stand-in. */
  readonly implementation: string;
}

/** A token's secret. */
export interface SecretStatus {
  readonly name: string;
  /** Whether it has a value. */
  readonly captured: boolean;
  /** Version that is current; `null` while it has none. */
  readonly versionId: string | null;
}

/** What the status is read from. */
export interface StatusSources {
  readonly stage: string;
  readonly endpoint: string;
  readonly ecsEndpoint: string;
  readonly serverUrl: string;
  readonly cloudFormation: CloudFormationClient;
  readonly cloudWatch: CloudWatchClient;
  readonly secretsManager: SecretsManagerClient;
  readonly services: () => readonly ServiceStatus[];
  readonly dashboardUrl?: string | undefined;
}

/** Reads the whole status; secrets by their names and versions only. */
export async function readStatus(sources: StatusSources): Promise<StageStatus> {
  const { stage, endpoint, ecsEndpoint, serverUrl } = sources;
  const [stacks, secrets, metrics, alarms] = await Promise.all([
    stageStacks(sources.cloudFormation, stage),
    tokenSecrets(sources.secretsManager, stage),
    newestMetrics(sources.cloudWatch, stage),
    alarmStates(sources.cloudWatch),
  ]);
  const services = sources
    .services()
    .map((service) => ({ ...service, command: displayText(service.command) }));
  return {
    stage,
    endpoint,
    ecsEndpoint,
    serverUrl,
    stacks,
    services,
    secrets,
    metrics,
    alarms,
    dashboardUrl: sources.dashboardUrl ?? null,
  };
}

async function tokenSecrets(client: SecretsManagerClient, stage: string): Promise<SecretStatus[]> {
  const names = stageNames(stage);
  const firstAgentToken = names.agentTokenSecret("", true);
  const secrets: SecretStatus[] = [];
  for await (const page of paginateListSecrets({ client }, {})) {
    for (const { Name: name = "", SecretVersionsToStages: versions = {} } of page.SecretList ?? []) {
      const isToken =
        name === names.adminTokenSecret ||
        name === names.metricsTokenSecret ||
        name.startsWith(firstAgentToken);
      if (!isToken) continue;
      const current = Object.keys(versions).find((id) => versions[id]?.includes("AWSCURRENT"));
      secrets.push({ name, captured: current !== undefined, versionId: current ?? null });
    }
  }
  return secrets.sort((a, b) => a.name.localeCompare(b.name));
}

/** How far back the newest value of a metric may lie. */
const METRIC_WINDOW_MS = 15 * 60_000;

async function newestMetrics(client: CloudWatchClient, stage: string): Promise<StageStatus["metrics"]> {
  const names = Object.keys(METRICS) as MetricName[];
  const now = Date.now();
  const { MetricDataResults = [] } = await client.send(
    new GetMetricDataCommand({
      StartTime: new Date(now - METRIC_WINDOW_MS),
      EndTime: new Date(now + 60_000),
      ScanBy: "TimestampDescending",
      MetricDataQueries: names.map((name, index) => ({
        Id: `m${index}`,
        MetricStat: {
          Metric: {
            Namespace: METRIC_NAMESPACE,
            MetricName: name,
            Dimensions: [{ Name: STAGE_DIMENSION, Value: stage }],
          },
          Period: 60,
          Stat: METRICS[name].statistic,
        },
      })),
    }),
  );
  const metrics: Record<string, { value: number; timestamp: string }> = {};
  for (const { Id = "", Values = [], Timestamps = [] } of MetricDataResults) {
    const name = names[Number(Id.slice(1))];
    const newest = Timestamps.reduce((best, at, index) => (at > (Timestamps[best] ?? 0) ? index : best), 0);
    const value = Values[newest];
    const timestamp = Timestamps[newest];
    if (name !== undefined && value !== undefined && timestamp !== undefined) {
      metrics[name] = { value, timestamp: timestamp.toISOString() };
    }
  }
  return metrics;
}

async function alarmStates(client: CloudWatchClient): Promise<{ name: string; state: string }[]> {
  const { MetricAlarms = [], CompositeAlarms = [] } = await client.send(
    new DescribeAlarmsCommand({ AlarmTypes: ["MetricAlarm", "CompositeAlarm"], MaxRecords: 100 }),
  );
  return [...CompositeAlarms, ...MetricAlarms].map(({ AlarmName = "", StateValue = "" }) => ({
    name: AlarmName,
    state: StateValue,
  }));
}
