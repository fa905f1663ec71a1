import {
  type AlarmId,
  consoleUrl,
  hasAlarm,
  type MetricName,
  metricsOf,
  SERVER_PART,
} from "@dbward-aws/contract";
import { Duration, Stack, Token } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import { RegionInfo } from "aws-cdk-lib/region-info";
import { Construct } from "constructs";
import { sourcesOf } from "./alarm-definition.ts";
import { alarmDefinition, CATALOGUE } from "./catalogue.ts";
import type { MetricSources } from "./metric-source.ts";
import type { MonitoredStage } from "./monitored-stage.ts";
import { polledMetric } from "./polled-metric.ts";
import type { QueueDepthPoller } from "./queue-depth-poller.ts";
import { hasRunbook, type RunbookId } from "./runbooks.ts";
import type { StageAlarms } from "./stage-alarms.ts";

export interface StageDashboardProps
  extends Pick<MonitoredStage, "stage" | "names" | "level" | "server" | "agents" | "capture" | "runbooks"> {
  readonly threshold: (id: AlarmId) => number;
  readonly sources: MetricSources;
  readonly alarms: StageAlarms;
  readonly poller: QueueDepthPoller;
}

const MINUTE = Duration.minutes(1);
const FULL = 24;
const HALF = 12;
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
    const dashboardName = props.names.dashboard;
    this.dashboard = new cloudwatch.Dashboard(this, "Dashboard", {
      dashboardName,
      defaultInterval: Duration.hours(3),
      widgets: [
        [this.#status()],
        graphs(this.#queue(), this.#agents()),
        graphs(this.#capacity(), this.#oldestPoll(), this.#tasks()),
        graphs(this.#server(), this.#fileSystem(), this.#storage()),
        graphs(this.#breakGlass(), this.#serverFaults()),
        graphs(this.#poller(), this.#functions(), this.#loadBalancer()),
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

  #queue(): cloudwatch.GraphWidgetProps {
    return {
      title: "Queue by state",
      stacked: true,
      left: [
        ...this.#polled("RequestsPending", "waits for its approvers", COLOUR.neutral),
        ...this.#polled("RequestsApproved", "waits for its requester", COLOUR.waiting),
        ...this.#polled("QueueDepth", "waits for an agent", COLOUR.busy),
        ...this.#polled("RequestsRunning", "running", COLOUR.good),
        ...this.#polled("RequestsOther", "other", COLOUR.bad),
      ],
      leftYAxis: countAxis("Requests"),
    };
  }

  #agents(): cloudwatch.GraphWidgetProps {
    return {
      title: "Agents by status",
      stacked: true,
      left: [
        ...this.#polled("AgentsHealthy", "healthy", COLOUR.good),
        ...this.#polled("AgentsSaturated", "saturated", COLOUR.waiting),
        ...this.#polled("AgentsDraining", "draining", COLOUR.busy),
        ...this.#polled("AgentsOffline", "offline", COLOUR.bad),
        ...this.#polled("AgentsOther", "other", COLOUR.neutral),
        ...this.#polled("AgentsUnexpected", "not of this stage", COLOUR.neutral),
      ],
      leftYAxis: countAxis("Agents"),
    };
  }

  #capacity(): cloudwatch.GraphWidgetProps {
    return {
      title: "Capacity and use",
      left: [
        ...this.#polled("AgentCapacity", "capacity", COLOUR.good),
        ...this.#polled("AgentsInFlight", "in use", COLOUR.busy),
        ...this.#polled("QueueDepth", "waiting for an agent", COLOUR.waiting),
      ],
      leftYAxis: countAxis("Requests"),
    };
  }

  #oldestPoll(): cloudwatch.GraphWidgetProps {
    return {
      title: "Longest silence of an agent",
      left: [...this.#polled("OldestAgentPollAge", "time since its poll", COLOUR.busy)],
      leftAnnotations: [{ value: 60, label: "offline", color: COLOUR.bad }],
      leftYAxis: countAxis("Seconds"),
    };
  }

  #tasks(): cloudwatch.GraphWidgetProps {
    return {
      title: "Tasks",
      left: [
        ...this.#polled("ServerTasksDesired", "server: desired", COLOUR.neutral),
        ...this.#polled("ServerTasksRunning", "server: running", COLOUR.good),
        ...this.#polled("AgentTasksDesired", "agents: desired", COLOUR.waiting),
        ...this.#polled("AgentTasksRunning", "agents: running", COLOUR.busy),
        ...this.#polled("DeploymentsRunning", "deployments", COLOUR.bad),
      ],
      leftYAxis: countAxis("Tasks"),
    };
  }

  #server(): cloudwatch.GraphWidgetProps {
    return {
      title: "Server: CPU and memory",
      left: [
        this.#watched("server-cpu", "CPU", COLOUR.busy),
        this.#watched("server-memory", "memory", COLOUR.good),
      ],
      leftAnnotations: [this.#thresholdLine("server-memory", "memory alarm")],
      leftYAxis: { label: "Percent", min: 0, max: 100, showUnits: false },
    };
  }

  #breakGlass(): cloudwatch.GraphWidgetProps {
    return {
      title: "Break-glass, since the start of the server",
      left: [...this.#polled("BreakGlassUses", "uses", COLOUR.waiting)],
      leftYAxis: countAxis("Uses"),
    };
  }

  #serverFaults(): cloudwatch.GraphWidgetProps {
    return {
      title: "Faults, since the start of the server",
      left: [
        ...this.#polled("BackgroundPanics", "background jobs that failed", COLOUR.bad),
        ...this.#polled("BreakGlassAuditFailures", "break-glass that could not be audited", COLOUR.busy),
      ],
      leftYAxis: countAxis("Faults"),
    };
  }

  #fileSystem(): cloudwatch.GraphWidgetProps {
    return {
      title: "File system: reads and writes",
      left: [this.#watched("efs-throughput", "metered", COLOUR.busy)],
      leftYAxis: { label: "Bytes a minute", min: 0, showUnits: false },
    };
  }

  #storage(): cloudwatch.GraphWidgetProps {
    return {
      title: "File system: size",
      left: [this.#watched("efs-storage", "stored", COLOUR.good, Duration.minutes(15))],
      leftYAxis: { label: "Bytes", min: 0, showUnits: false },
    };
  }

  #poller(): cloudwatch.GraphWidgetProps {
    return {
      title: "Poller",
      left: [...this.#polled("PollDuration", "time of a poll", COLOUR.busy)],
      leftYAxis: countAxis("Milliseconds"),
      right: [
        ...this.#polled("ServerReachable", "server answers", COLOUR.good),
        ...this.#polled("TokenAccepted", "token accepted", COLOUR.waiting),
      ],
      rightYAxis: { label: "1 is yes", min: 0, max: 1, showUnits: false },
    };
  }

  #functions(): cloudwatch.GraphWidgetProps {
    const { poller, capture } = this.#props;
    const errors = (of: lambda.IFunction, label: string, color: string) =>
      of.metricErrors({ label, color, period: MINUTE, statistic: "Sum" });
    return {
      title: "Functions",
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
    };
  }

  #loadBalancer(): cloudwatch.GraphWidgetProps {
    const { sources } = this.#props;
    if (!sources.has(alarmDefinition("alb-5xx").signal)) return {};
    const [fromServer, fromBalancer] = sourcesOf(alarmDefinition("alb-5xx").signal);
    return {
      title: "Load balancer",
      left: [
        sources.metric(fromServer!, { label: "5xx of the server", color: COLOUR.bad, period: MINUTE }),
        sources.metric(fromBalancer!, {
          label: this.#props.server.loadBalancer ? "5xx of its own" : "failed connections",
          color: COLOUR.waiting,
          period: MINUTE,
        }),
        this.#watched("alb-unhealthy-hosts", "unhealthy targets", COLOUR.neutral),
      ],
      leftYAxis: countAxis("Answers a minute, targets"),
      right: [this.#watched("alb-latency", "time of an answer, p95", COLOUR.busy)],
      rightYAxis: countAxis("Seconds"),
    };
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
    const { runbooks, level } = this.#props;
    const link = (id: RunbookId) => {
      const target = runbooks.to(id);
      return runbooks.arePublished ? `[Runbook](${target})` : target;
    };
    const lines = CATALOGUE.flatMap(({ id, title }) =>
      hasRunbook(id) && hasAlarm(level, id) ? [`- **${id}**: ${title}. ${link(id)}`] : [],
    );
    return new cloudwatch.TextWidget({
      width: HALF,
      height: 9,
      markdown: `### Runbooks\n${lines.join("\n")}`,
    });
  }

  #consolePages(): cloudwatch.IWidget {
    const { server, stage, names } = this.#props;
    const cluster = `/ecs/v2/clusters/${server.cluster.clusterName}/services`;
    const log = names.logGroup(SERVER_PART).replaceAll("/", "$252F");
    const links: readonly (readonly [string, string])[] = [
      ["Services and tasks", this.#console(cluster)],
      ["Events of the server's service", this.#console(`${cluster}/${server.serviceName}/events`)],
      [
        "Log of the server",
        this.#console("/cloudwatch/home", `logsV2:log-groups/log-group/${log}/log-events`),
      ],
      ["Poller", this.#console("/lambda/home", `/functions/${names.pollerFunction}?tab=monitoring`)],
      ["Alarms", this.#console("/cloudwatch/home", `alarmsV2:?search=${names.alarm("")}`)],
      ["Stacks", this.#console("/cloudformation/home", `/stacks?filteringText=${stage}-dbward`)],
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
    const partition = Token.isUnresolved(region) ? undefined : RegionInfo.get(region).partition;
    const page = `${consoleUrl(region, partition ?? "aws")}${path}?region=${region}`;
    return fragment === "" ? page : `${page}#${fragment}`;
  }

  /** A metric of the poller, or none at a level at which it is not published. */
  #polled(name: MetricName, label: string, color: string): cloudwatch.Metric[] {
    const { level, sources } = this.#props;
    if (!metricsOf(level).includes(name)) return [];
    return [sources.metric(polledMetric(name), { label, color, period: MINUTE })];
  }

  /** The first metric that an alarm looks at. */
  #watched(id: AlarmId, label: string, color: string, period: Duration = MINUTE): cloudwatch.Metric {
    const [source] = sourcesOf(alarmDefinition(id).signal);
    return this.#props.sources.metric(source!, { label, color, period });
  }

  #thresholdLine(id: AlarmId, label: string): cloudwatch.HorizontalAnnotation {
    return { value: this.#props.threshold(id), label, color: COLOUR.bad };
  }
}

/** A row of graphs of the same width, without those that have no metric to show. */
function graphs(...all: readonly cloudwatch.GraphWidgetProps[]): cloudwatch.IWidget[] {
  const shown = all.filter(({ left = [], right = [] }) => left.length + right.length > 0);
  return shown.map(
    (props) => new cloudwatch.GraphWidget({ ...props, width: FULL / shown.length, height: HEIGHT }),
  );
}

function countAxis(label: string): cloudwatch.YAxisProps {
  return { label, min: 0, showUnits: false };
}
