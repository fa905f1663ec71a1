import { type AlarmId, type MetricName, stageNames } from "@dbward-aws/contract";
import { Duration, Stack } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { sourcesOf } from "./alarm-definition.ts";
import { alarmDefinition, CATALOGUE } from "./catalogue.ts";
import type { MetricSources } from "./metric-source.ts";
import type { MonitoredStage } from "./monitored-stage.ts";
import { polledMetric } from "./polled-metric.ts";
import type { QueueDepthPoller } from "./queue-depth-poller.ts";
import { runbookLink } from "./runbook-link.ts";
import type { StageAlarms } from "./stage-alarms.ts";

export interface StageDashboardProps
  extends Pick<MonitoredStage, "settings" | "server" | "agents" | "capture"> {
  readonly sources: MetricSources;
  readonly alarms: StageAlarms;
  readonly poller: QueueDepthPoller;
}

const MINUTE = Duration.minutes(1);
const FULL = 24;
const HALF = 12;
const THIRD = 8;
const HEIGHT = 6;

/** Colour-blind safe, and readable on white and on black. */
const COLOUR = {
  good: "#1b9e77",
  busy: "#7570b3",
  waiting: "#e6ab02",
  bad: "#d95f02",
  neutral: "#666666",
} as const;

/** One dashboard a stage, from what matters at once to what explains it. */
export class StageDashboard extends Construct {
  readonly dashboard: cloudwatch.Dashboard;
  /** Its page in the console. */
  readonly url: string;
  readonly #props: StageDashboardProps;

  constructor(scope: Construct, id: string, props: StageDashboardProps) {
    super(scope, id);
    this.#props = props;
    const dashboardName = stageNames(props.settings.stage).dashboard;
    this.dashboard = new cloudwatch.Dashboard(this, "Dashboard", {
      dashboardName,
      defaultInterval: Duration.hours(3),
      widgets: [
        [this.#status()],
        [this.#queue(), this.#agents()],
        [this.#capacity(), this.#oldestPoll(), this.#tasks()],
        [this.#server(), this.#fileSystem(), this.#storage()],
        [this.#poller(), this.#functions(), ...this.#loadBalancer()],
        [this.#errors()],
        [this.#runbooks(), this.#consolePages()],
      ],
    });
    this.url = this.#console("/cloudwatch/home", `dashboards/dashboard/${dashboardName}`);
  }

  #status(): cloudwatch.IWidget {
    const { alarms } = this.#props;
    return new cloudwatch.AlarmStatusWidget({
      title: "Status",
      alarms: [alarms.down, ...alarms.all],
      width: FULL,
      height: 4,
    });
  }

  #queue(): cloudwatch.IWidget {
    return new cloudwatch.GraphWidget({
      title: "Queue by state",
      width: HALF,
      height: HEIGHT,
      stacked: true,
      left: [
        this.#polled("RequestsPending", "waits for its approvers", COLOUR.neutral),
        this.#polled("RequestsApproved", "waits for its requester", COLOUR.waiting),
        this.#polled("QueueDepth", "waits for an agent", COLOUR.busy),
        this.#polled("RequestsRunning", "running", COLOUR.good),
        this.#polled("RequestsOther", "other", COLOUR.bad),
      ],
      leftYAxis: countAxis("Requests"),
    });
  }

  #agents(): cloudwatch.IWidget {
    return new cloudwatch.GraphWidget({
      title: "Agents by status",
      width: HALF,
      height: HEIGHT,
      stacked: true,
      left: [
        this.#polled("AgentsHealthy", "healthy", COLOUR.good),
        this.#polled("AgentsSaturated", "saturated", COLOUR.waiting),
        this.#polled("AgentsDraining", "draining", COLOUR.busy),
        this.#polled("AgentsOffline", "offline", COLOUR.bad),
        this.#polled("AgentsOther", "other", COLOUR.neutral),
        this.#polled("AgentsUnexpected", "not of this stage", COLOUR.neutral),
      ],
      leftYAxis: countAxis("Agents"),
    });
  }

  #capacity(): cloudwatch.IWidget {
    return new cloudwatch.GraphWidget({
      title: "Capacity and use",
      width: THIRD,
      height: HEIGHT,
      left: [
        this.#polled("AgentCapacity", "capacity", COLOUR.good),
        this.#polled("AgentsInFlight", "in use", COLOUR.busy),
        this.#polled("QueueDepth", "waiting for an agent", COLOUR.waiting),
      ],
      leftYAxis: countAxis("Requests"),
    });
  }

  #oldestPoll(): cloudwatch.IWidget {
    return new cloudwatch.GraphWidget({
      title: "Longest silence of an agent",
      width: THIRD,
      height: HEIGHT,
      left: [this.#polled("OldestAgentPollAge", "time since its poll", COLOUR.busy)],
      leftAnnotations: [{ value: 60, label: "offline", color: COLOUR.bad }],
      leftYAxis: countAxis("Seconds"),
    });
  }

  #tasks(): cloudwatch.IWidget {
    return new cloudwatch.GraphWidget({
      title: "Tasks",
      width: THIRD,
      height: HEIGHT,
      left: [
        this.#polled("ServerTasksDesired", "server: desired", COLOUR.neutral),
        this.#polled("ServerTasksRunning", "server: running", COLOUR.good),
        this.#polled("AgentTasksDesired", "agents: desired", COLOUR.waiting),
        this.#polled("AgentTasksRunning", "agents: running", COLOUR.busy),
        this.#polled("DeploymentsRunning", "deployments", COLOUR.bad),
      ],
      leftYAxis: countAxis("Tasks"),
    });
  }

  #server(): cloudwatch.IWidget {
    return new cloudwatch.GraphWidget({
      title: "Server: CPU and memory",
      width: THIRD,
      height: HEIGHT,
      left: [
        this.#watched("server-cpu", "CPU", COLOUR.busy),
        this.#watched("server-memory", "memory", COLOUR.good),
      ],
      leftAnnotations: [this.#thresholdLine("server-memory", "memory alarm")],
      leftYAxis: { label: "Percent", min: 0, max: 100, showUnits: false },
    });
  }

  #fileSystem(): cloudwatch.IWidget {
    return new cloudwatch.GraphWidget({
      title: "File system: reads and writes",
      width: THIRD,
      height: HEIGHT,
      left: [this.#watched("efs-throughput", "metered", COLOUR.busy)],
      leftYAxis: { label: "Bytes a minute", min: 0, showUnits: false },
    });
  }

  #storage(): cloudwatch.IWidget {
    return new cloudwatch.GraphWidget({
      title: "File system: size",
      width: THIRD,
      height: HEIGHT,
      left: [this.#watched("efs-storage", "stored", COLOUR.good, Duration.minutes(15))],
      leftYAxis: { label: "Bytes", min: 0, showUnits: false },
    });
  }

  #poller(): cloudwatch.IWidget {
    return new cloudwatch.GraphWidget({
      title: "Poller",
      width: THIRD,
      height: HEIGHT,
      left: [this.#polled("PollDuration", "time of a poll", COLOUR.busy)],
      leftYAxis: countAxis("Milliseconds"),
      right: [
        this.#polled("ServerReachable", "server answers", COLOUR.good),
        this.#polled("TokenAccepted", "token accepted", COLOUR.waiting),
      ],
      rightYAxis: { label: "1 is yes", min: 0, max: 1, showUnits: false },
    });
  }

  #functions(): cloudwatch.IWidget {
    const { poller, capture } = this.#props;
    const errors = (of: lambda.IFunction, label: string, color: string) =>
      of.metricErrors({ label, color, period: MINUTE, statistic: "Sum" });
    return new cloudwatch.GraphWidget({
      title: "Functions",
      width: THIRD,
      height: HEIGHT,
      left: [
        poller.function.metricInvocations({
          label: "polls",
          color: COLOUR.good,
          period: MINUTE,
          statistic: "Sum",
        }),
        errors(poller.function, "poller: errors", COLOUR.bad),
        errors(capture.function, "token capture: errors", COLOUR.waiting),
      ],
      leftYAxis: countAxis("Runs a minute"),
    });
  }

  #loadBalancer(): cloudwatch.IWidget[] {
    const { sources } = this.#props;
    if (!sources.has(alarmDefinition("alb-5xx").signal)) return [];
    const [fromServer, fromBalancer] = sourcesOf(alarmDefinition("alb-5xx").signal);
    return [
      new cloudwatch.GraphWidget({
        title: "Load balancer",
        width: THIRD,
        height: HEIGHT,
        left: [
          sources.metric(fromServer!, { label: "5xx of the server", color: COLOUR.bad, period: MINUTE }),
          sources.metric(fromBalancer!, { label: "5xx of its own", color: COLOUR.waiting, period: MINUTE }),
          this.#watched("alb-unhealthy-hosts", "unhealthy targets", COLOUR.neutral),
        ],
        leftYAxis: countAxis("Answers a minute, targets"),
        right: [this.#watched("alb-latency", "time of an answer, p95", COLOUR.busy)],
        rightYAxis: countAxis("Seconds"),
      }),
    ];
  }

  #errors(): cloudwatch.IWidget {
    const { server, agents, poller, capture } = this.#props;
    const logGroupNames = [
      server.logGroup.logGroupName,
      ...agents.map(({ logGroupName }) => logGroupName),
      poller.logGroup.logGroupName,
      capture.logGroup.logGroupName,
    ];
    return new cloudwatch.LogQueryWidget({
      title: "Last errors",
      width: FULL,
      height: 7,
      view: cloudwatch.LogQueryVisualizationType.TABLE,
      logGroupNames,
      queryLines: [
        "fields @timestamp, @log, @message",
        // One `like`, as the emulated account takes no other filter; and "errors: 0" is no error.
        'filter @message like /\\b(ERROR|FATAL|PANIC)\\b|"level": ?"(error|fatal)"|\\b(fatal|panicked)\\b/',
        "sort @timestamp desc",
        "limit 20",
      ],
    });
  }

  #runbooks(): cloudwatch.IWidget {
    const { monitoring } = this.#props.settings;
    const link = (id: AlarmId) => {
      const target = runbookLink(id, monitoring);
      return monitoring.runbooksUrl === undefined ? target : `[Runbook](${target})`;
    };
    const lines = CATALOGUE.filter(({ severity }) => severity !== "signal").map(
      ({ id, title }) => `- **${id}**: ${title}. ${link(id)}`,
    );
    return new cloudwatch.TextWidget({
      width: HALF,
      height: 9,
      markdown: `### Runbooks\n${lines.join("\n")}`,
    });
  }

  #consolePages(): cloudwatch.IWidget {
    const { server, settings } = this.#props;
    const names = stageNames(settings.stage);
    const cluster = `/ecs/v2/clusters/${server.cluster.clusterName}/services`;
    const log = names.logGroup(names.serverService).replaceAll("/", "$252F");
    const links: readonly (readonly [string, string])[] = [
      ["Services and tasks", this.#console(cluster)],
      ["Events of the server's service", this.#console(`${cluster}/${names.serverService}/events`)],
      [
        "Log of the server",
        this.#console("/cloudwatch/home", `logsV2:log-groups/log-group/${log}/log-events`),
      ],
      ["Poller", this.#console("/lambda/home", `/functions/${names.pollerFunction}?tab=monitoring`)],
      ["Alarms", this.#console("/cloudwatch/home", `alarmsV2:?search=${names.alarm("")}`)],
      ["Stacks", this.#console("/cloudformation/home", `/stacks?filteringText=${settings.stage}-dbward`)],
    ];
    return new cloudwatch.TextWidget({
      width: HALF,
      height: 9,
      markdown: `### Console\n${links.map(([text, url]) => `- [${text}](${url})`).join("\n")}`,
    });
  }

  /** A page of the console in this region. @param fragment what follows the `#` */
  #console(path: string, fragment = ""): string {
    const { region } = Stack.of(this);
    const page = `https://${region}.console.aws.amazon.com${path}?region=${region}`;
    return fragment === "" ? page : `${page}#${fragment}`;
  }

  #polled(name: MetricName, label: string, color: string): cloudwatch.Metric {
    return this.#props.sources.metric(polledMetric(name), { label, color, period: MINUTE });
  }

  /** The first metric that an alarm looks at. */
  #watched(id: AlarmId, label: string, color: string, period: Duration = MINUTE): cloudwatch.Metric {
    const [source] = sourcesOf(alarmDefinition(id).signal);
    return this.#props.sources.metric(source!, { label, color, period });
  }

  #thresholdLine(id: AlarmId, label: string): cloudwatch.HorizontalAnnotation {
    const own = this.#props.settings.monitoring.thresholds[id];
    return { value: own ?? alarmDefinition(id).threshold, label, color: COLOUR.bad };
  }
}

function countAxis(label: string): cloudwatch.YAxisProps {
  return { label, min: 0, showUnits: false };
}
