import { type AlarmId, METRIC_NAMESPACE } from "@dbward-aws/contract";
import type { AlarmDefinition, MetricOwner, MetricSource } from "./alarm-definition.ts";
import { polledMetric, tokenMetric } from "./polled-metric.ts";

/** A metric of an AWS service. */
const aws = (owner: MetricOwner, namespace: string, name: string, statistic: string): MetricSource => ({
  owner,
  namespace: `AWS/${namespace}`,
  name,
  statistic,
});

const MINUTE = 60;
/** A poll publishes all its values at once, so a deployment is known in the very datum that it disturbs. */
const deploying = polledMetric("DeploymentsRunning");
/**
 * Time for `quiet` to go into alarm after a consequence that may be measured first, by a service on its own
 * clock.
 */
const PATIENT = { kind: "unless-quiet", waitSeconds: 2 * MINUTE } as const;
/** For what the poller measures in later snapshots than the outage: `quiet` is in alarm long before. */
const PROMPT = { kind: "unless-quiet", waitSeconds: 10 } as const;

/** Counts failed captures in the capture function's log; a metric filter feeds it. */
export const CAPTURE_FAILURES: MetricSource = {
  owner: "capture-log",
  namespace: METRIC_NAMESPACE,
  name: "CaptureFailures",
  statistic: "Sum",
};

/**
 * Every alarm of a stage. Alarms, dashboard and the tables of `docs/monitoring.md` are made from this table.
 *
 * Metrics of the poller come once a minute, a little early or late: an alarm that one missing datum could
 * wake or put to sleep ignores it, or asks for some datapoints out of more periods.
 */
export const CATALOGUE: readonly AlarmDefinition[] = [
  {
    id: "server-unreachable",
    title: "The server does not answer",
    severity: "critical",
    signal: {
      expression: "IF(FILL(deploying, 0) > 0, 1, reachable)",
      metrics: { reachable: polledMetric("ServerReachable"), deploying },
    },
    breaches: "below",
    threshold: 1,
    unit: "answers",
    periodSeconds: MINUTE,
    datapoints: [1, 1],
    missing: "ignore",
    notification: { kind: "down" },
    meaning: "The poller got no answer from the server, and no deployment explains it. Nothing is executed.",
    firstStep: "See whether the server's task runs, and its last log lines.",
  },
  {
    id: "server-not-ready",
    title: "The server is degraded",
    severity: "critical",
    signal: {
      expression: "IF(FILL(deploying, 0) > 0, 1, ready)",
      metrics: { ready: polledMetric("ServerReady"), deploying },
    },
    breaches: "below",
    threshold: 1,
    unit: "ready",
    periodSeconds: MINUTE,
    datapoints: [2, 2],
    missing: "ignore",
    notification: { kind: "down" },
    meaning: "The server answers, but /ready says that a part of it, such as its database, does not work.",
    firstStep: "Read `checks` in the answer of /ready, and the server's log.",
  },
  {
    id: "no-healthy-agent",
    title: "No agent takes work",
    severity: "critical",
    signal: {
      expression: "IF(FILL(deploying, 0) > 0, 1, capacity)",
      metrics: { capacity: polledMetric("AgentCapacity"), deploying },
    },
    breaches: "below",
    threshold: 1,
    unit: "requests at a time",
    periodSeconds: MINUTE,
    datapoints: [1, 1],
    missing: "ignore",
    notification: { kind: "down" },
    meaning: "Not one agent of the stage takes work: requests are dispatched, and nothing executes them.",
    firstStep: "See whether the agents' tasks run, and the agents' last log lines.",
  },
  {
    id: "agents-offline",
    title: "An agent is lost",
    severity: "critical",
    signal: {
      expression: "IF(FILL(deploying, 0) > 0, 0, offline)",
      metrics: { offline: polledMetric("AgentsOffline"), deploying },
    },
    breaches: "at-least",
    threshold: 1,
    unit: "agents",
    periodSeconds: MINUTE,
    datapoints: [1, 1],
    missing: "ignore",
    notification: PROMPT,
    meaning:
      "An agent of the stage has not polled for 60 seconds, or never. The databases that only it reaches are cut off.",
    firstStep: "Find the agent in `pnpm ops status`, and read its task's last log lines.",
  },
  {
    id: "agents-saturated",
    title: "An agent is full",
    severity: "warning",
    signal: { metric: polledMetric("AgentsSaturated") },
    breaches: "at-least",
    threshold: 1,
    unit: "agents",
    periodSeconds: MINUTE,
    datapoints: [8, 10],
    missing: "notBreaching",
    notification: PROMPT,
    meaning: "An agent has executed as much as it may for ten minutes; further work for its databases waits.",
    firstStep:
      "Look for long-running requests; otherwise raise max_concurrent_tasks in the agent's configuration, or add an agent.",
  },
  {
    id: "queue-not-draining",
    title: "Work waits, and nothing runs",
    severity: "critical",
    signal: {
      expression: "IF(depth > 0 AND running < 1, depth, 0)",
      metrics: { depth: polledMetric("QueueDepth"), running: polledMetric("RequestsRunning") },
    },
    breaches: "at-least",
    threshold: 1,
    unit: "requests",
    periodSeconds: MINUTE,
    // Sooner than the server takes an unclaimed request back, which is after 5 minutes: then there is no
    // queue any more.
    datapoints: [3, 5],
    missing: "notBreaching",
    notification: PROMPT,
    meaning:
      "Dispatched requests have waited for three minutes while no request was running. After five, each goes back to its requester.",
    firstStep: "See whether an agent serves the database of the request that waits.",
  },
  {
    id: "queue-growing",
    title: "The queue grows",
    severity: "warning",
    signal: {
      expression: "IF(DIFF(depth) > 0, depth, 0)",
      metrics: { depth: polledMetric("QueueDepth") },
    },
    breaches: "at-least",
    threshold: 5,
    unit: "requests",
    periodSeconds: MINUTE,
    datapoints: [2, 2],
    missing: "notBreaching",
    notification: PROMPT,
    meaning:
      "The queue is deep, and was deeper at each of the last two polls: work comes faster than it goes.",
    firstStep:
      "Compare capacity and use on the dashboard: add agents or raise max_concurrent_tasks when all are busy.",
  },
  {
    id: "approvals-stale",
    title: "Approvals wait",
    severity: "notice",
    signal: { metric: polledMetric("RequestsPending", "Minimum") },
    breaches: "at-least",
    threshold: 1,
    unit: "requests",
    periodSeconds: 5 * MINUTE,
    datapoints: [12, 12],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning: "For an hour there was always a request that waits for a person's approval.",
    firstStep: "Remind the approvers, whom `[[workflows.steps.approvers]]` in server.toml names.",
  },
  {
    id: "resumes-stale",
    title: "Approved requests wait to be resumed",
    severity: "notice",
    signal: { metric: polledMetric("RequestsApproved", "Minimum") },
    breaches: "at-least",
    threshold: 1,
    unit: "requests",
    periodSeconds: 5 * MINUTE,
    datapoints: [12, 12],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning:
      "For an hour there was always an approved request that nobody resumed: forgotten, or returned because no agent took it.",
    firstStep: "Tell the requesters: only they, or an operator, can resume or cancel such a request.",
  },
  {
    id: "break-glass-used",
    title: "Break-glass was used",
    severity: "warning",
    // A counter since the start of the server: it falls to 0 with each restart.
    signal: {
      expression: "IF(DIFF(uses) > 0, uses, 0)",
      metrics: { uses: polledMetric("BreakGlassUses") },
    },
    breaches: "at-least",
    threshold: 1,
    unit: "uses",
    periodSeconds: MINUTE,
    datapoints: [1, 1],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning:
      "Somebody ran a request without approval, or tried to change a schema by one, within the last minute.",
    firstStep: "Find out who and why: `request.break_glass` in dbward's audit log.",
  },
  {
    id: "token-refused",
    title: "The server refuses the poller's token",
    severity: "critical",
    signal: { metric: polledMetric("TokenAccepted") },
    breaches: "below",
    threshold: 1,
    unit: "accepted",
    periodSeconds: MINUTE,
    datapoints: [2, 2],
    missing: "ignore",
    notification: { kind: "direct" },
    meaning: "The metrics token does not work: queue and agents are not watched.",
    firstStep: "Issue a new one: `pnpm ops tokens rotate metrics`.",
  },
  {
    id: "stored-tokens-refused",
    title: "The server refuses a stored token",
    severity: "warning",
    signal: { metric: tokenMetric("TokensRefused") },
    breaches: "at-least",
    threshold: 1,
    unit: "tokens",
    periodSeconds: 60 * MINUTE,
    // Measured once a day: one datum counts until the next one, and a stage that has not been checked yet is well.
    datapoints: [1, 24],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning:
      "The daily check found a token in Secrets Manager that the server refuses, or a secret without one: its owner is cut off, or will be.",
    firstStep: "See which one, and what to run: `pnpm ops tokens`.",
  },
  {
    id: "token-rotation-overdue",
    title: "A token is not rotated",
    severity: "warning",
    signal: { metric: tokenMetric("TokensOverdue", "token-rotation") },
    breaches: "at-least",
    threshold: 1,
    unit: "tokens",
    periodSeconds: 60 * MINUTE,
    datapoints: [1, 24],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning:
      "A token is two days older than tokens.rotateAfterDays allows: its rotation is tried each hour, and does not come to its end.",
    firstStep: "Read `rotation` lines and the error in the log of the function check-tokens.",
  },
  {
    id: "token-check-failing",
    title: "The tokens are not checked",
    severity: "notice",
    signal: { metric: aws("token-check", "Lambda", "Errors", "Sum") },
    breaches: "at-least",
    threshold: 1,
    unit: "errors",
    periodSeconds: 60 * MINUTE,
    datapoints: [1, 1],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning: "The function that checks and rotates the tokens ended with an error.",
    firstStep: "Read its log: the last line names the cause. The next run tries again.",
  },
  {
    id: "poller-silent",
    title: "Nothing is measured",
    severity: "critical",
    // A minute without a poll is a 0 from the first poll or start of the poller on, and nothing before: a new
    // stage is not in alarm. When even the first ones have left the range that CloudWatch looks at, the alarm
    // stays as it is.
    signal: {
      expression: "IF(FILL(MAX([polls, starts]), REPEAT) > 0, FILL(polls, 0))",
      metrics: {
        polls: polledMetric("ServerReachable", "SampleCount"),
        starts: aws("poller-rule", "Events", "TriggeredRules", "Sum"),
      },
    },
    breaches: "below",
    threshold: 1,
    unit: "polls",
    periodSeconds: MINUTE,
    datapoints: [4, 5],
    missing: "ignore",
    notification: { kind: "direct" },
    meaning:
      "No metric has come from the poller for four minutes: every other alarm about the queue is blind.",
    firstStep: "Read the poller's log; see whether its rule is enabled and its subnets have a way out.",
  },
  {
    id: "poller-failing",
    title: "The poller fails",
    severity: "warning",
    signal: { metric: aws("poller", "Lambda", "Errors", "Sum") },
    breaches: "at-least",
    threshold: 1,
    unit: "errors",
    periodSeconds: MINUTE,
    datapoints: [3, 5],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning:
      "The poller's function ended with an error: it could not publish, read its token, or end in time.",
    firstStep: "Read the poller's log: each failure is one line with its cause.",
  },
  {
    id: "poller-hindered",
    title: "The poller sees only a part",
    severity: "warning",
    signal: { metric: polledMetric("PollerHindrances") },
    breaches: "at-least",
    threshold: 1,
    unit: "services",
    periodSeconds: MINUTE,
    datapoints: [3, 5],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning:
      "Secrets Manager or ECS does not answer the poller: what it would learn from there is missing from every alarm.",
    firstStep: "Read `reason` and `error` of the poll.failure lines in the poller's log.",
  },
  {
    id: "apply-failing",
    title: "Changes are not taken over",
    severity: "warning",
    signal: { metric: aws("apply", "Lambda", "Errors", "Sum") },
    breaches: "at-least",
    threshold: 1,
    unit: "errors",
    periodSeconds: 5 * MINUTE,
    datapoints: [3, 4],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning:
      "The function that takes changed configurations and secrets to the tasks has ended with an error for a quarter of an hour.",
    firstStep:
      "Read its log: each failure names the call. Until it works again, use `pnpm ops restart` after a change.",
  },
  {
    id: "tasks-missing",
    title: "Fewer tasks run than should",
    severity: "warning",
    signal: {
      expression:
        "IF(FILL(deploying, 0) > 0, 0, serverDesired + agentDesired - serverRunning - agentRunning)",
      metrics: {
        serverDesired: polledMetric("ServerTasksDesired"),
        agentDesired: polledMetric("AgentTasksDesired"),
        serverRunning: polledMetric("ServerTasksRunning"),
        agentRunning: polledMetric("AgentTasksRunning"),
        deploying,
      },
    },
    breaches: "at-least",
    threshold: 1,
    unit: "tasks",
    periodSeconds: MINUTE,
    datapoints: [4, 5],
    missing: "notBreaching",
    notification: PROMPT,
    meaning:
      "ECS runs fewer tasks than the services ask for. Replicas that share a token hide this from dbward.",
    firstStep: "Read the service's last events: `pnpm ops status`.",
  },
  {
    id: "task-restarts",
    title: "Tasks keep stopping",
    severity: "warning",
    signal: { metric: aws("task-stop-rule", "Events", "TriggeredRules", "Sum") },
    breaches: "at-least",
    threshold: 3,
    unit: "stops",
    periodSeconds: 15 * MINUTE,
    datapoints: [1, 1],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning: "Tasks of the stage stopped by themselves several times within a quarter of an hour.",
    firstStep: "Read the reasons in the messages about stopped tasks; they came to the same receivers.",
  },
  {
    id: "server-cpu",
    title: "The server's CPU is busy",
    severity: "warning",
    signal: { metric: aws("server-service", "ECS", "CPUUtilization", "Average") },
    breaches: "at-least",
    threshold: 85,
    unit: "percent",
    periodSeconds: MINUTE,
    datapoints: [12, 15],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning: "The server's task has used most of its CPU for a quarter of an hour.",
    firstStep:
      "Raise server.cpu in the stage's settings and deploy (1.5 to 3 minutes without the server): there is only ever one task.",
  },
  {
    id: "server-memory",
    title: "The server's memory is nearly full",
    severity: "warning",
    signal: { metric: aws("server-service", "ECS", "MemoryUtilization", "Maximum") },
    breaches: "at-least",
    threshold: 85,
    unit: "percent",
    periodSeconds: MINUTE,
    datapoints: [4, 5],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning: "The server's task is near its memory limit; at the limit it is killed.",
    firstStep:
      "Raise server.memoryMiB in the stage's settings and deploy (1.5 to 3 minutes without the server).",
  },
  {
    id: "efs-throughput",
    title: "The file system is near its throughput",
    severity: "warning",
    signal: {
      expression: "100 * metered / PERIOD(metered) / permitted",
      metrics: {
        metered: aws("file-system", "EFS", "MeteredIOBytes", "Sum"),
        permitted: aws("file-system", "EFS", "PermittedThroughput", "Average"),
      },
    },
    breaches: "at-least",
    threshold: 80,
    unit: "percent",
    periodSeconds: 5 * MINUTE,
    datapoints: [3, 3],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning: "Reads and writes use most of what EFS permits; SQLite's commits will become slow.",
    firstStep:
      'Find out what writes so much: store results in S3 (`storage: { backend: "s3" }`), unless a copy or a restore is running.',
  },
  {
    id: "efs-storage",
    title: "The file system grows",
    severity: "notice",
    signal: {
      expression: "bytes / 1073741824",
      metrics: { bytes: aws("file-system-storage", "EFS", "StorageBytes", "Average") },
    },
    breaches: "at-least",
    threshold: 20,
    unit: "GiB",
    periodSeconds: 15 * MINUTE,
    datapoints: [1, 1],
    missing: "ignore",
    notification: { kind: "direct" },
    meaning: "The state directory is larger than the server's database should be. EFS is billed by size.",
    firstStep: "Look into /data with ECS Exec: old schema backups, or results stored locally.",
  },
  {
    id: "alb-unhealthy-hosts",
    title: "The load balancer sees no healthy server",
    severity: "warning",
    signal: {
      expression: "IF(FILL(deploying, 0) > 0, 0, unhealthy)",
      metrics: {
        unhealthy: aws("target-group", "ApplicationELB", "UnHealthyHostCount", "Maximum"),
        deploying,
      },
    },
    breaches: "at-least",
    threshold: 1,
    unit: "targets",
    periodSeconds: MINUTE,
    datapoints: [3, 3],
    missing: "notBreaching",
    notification: PATIENT,
    meaning: "The load balancer's checks of /ready fail although the poller reaches the server.",
    firstStep: "See the target's reason in the target group, and the security groups between them.",
  },
  {
    id: "alb-5xx",
    title: "The load balancer answers with errors",
    severity: "warning",
    signal: {
      expression: "IF(FILL(deploying, 0) > 0, 0, FILL(fromServer, 0) + FILL(fromBalancer, 0))",
      metrics: {
        fromServer: aws("target-group", "ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum"),
        fromBalancer: aws("load-balancer", "ApplicationELB", "HTTPCode_ELB_5XX_Count", "Sum"),
        deploying,
      },
    },
    breaches: "at-least",
    threshold: 10,
    unit: "answers in 5 minutes",
    periodSeconds: 5 * MINUTE,
    datapoints: [1, 1],
    missing: "notBreaching",
    notification: PATIENT,
    meaning: "People who use dbward through the load balancer get errors.",
    firstStep:
      "Read the server's log for that time: it restarted, or requests took longer than the load balancer waits.",
  },
  {
    id: "alb-latency",
    title: "Answers are slow",
    severity: "warning",
    // Below 20 requests, one of them alone is the 95th percentile.
    signal: {
      expression: "IF(requests >= 20, latency, 0)",
      metrics: {
        latency: aws("target-group", "ApplicationELB", "TargetResponseTime", "p95"),
        requests: aws("target-group", "ApplicationELB", "RequestCount", "Sum"),
      },
    },
    breaches: "at-least",
    threshold: 2,
    unit: "seconds",
    periodSeconds: 5 * MINUTE,
    datapoints: [3, 3],
    missing: "notBreaching",
    notification: PATIENT,
    meaning:
      "One request in twenty takes longer than it should, for a quarter of an hour with at least 20 requests in each 5 minutes.",
    firstStep: "Compare with the server's CPU and the file system's throughput on the dashboard.",
  },
  {
    id: "capture-failed",
    title: "Tokens were not captured",
    severity: "critical",
    signal: {
      expression: "FILL(reported, 0) + FILL(crashed, 0)",
      metrics: {
        reported: CAPTURE_FAILURES,
        crashed: aws("capture", "Lambda", "Errors", "Sum"),
      },
    },
    breaches: "at-least",
    threshold: 1,
    unit: "failures",
    periodSeconds: 5 * MINUTE,
    datapoints: [1, 1],
    missing: "notBreaching",
    notification: { kind: "direct" },
    meaning: "A deployment could not read or store the server's tokens; the stack rolls back.",
    firstStep: "Read the reason in the stack's events: it names the cause and the way out.",
  },
  {
    id: "deployment-running",
    title: "A deployment is in progress",
    severity: "signal",
    signal: { metric: deploying },
    breaches: "at-least",
    threshold: 1,
    unit: "services",
    periodSeconds: MINUTE,
    datapoints: [1, 1],
    missing: "notBreaching",
    notification: { kind: "nobody" },
    meaning:
      "ECS replaces tasks of the stage, for less than 15 minutes so far, or has just finished: the consequences are not reported.",
    firstStep: "Nothing: it ends by itself, and a deployment that fails is reported at once.",
  },
];

/** The row of an alarm. */
export function alarmDefinition(id: AlarmId): AlarmDefinition {
  const row = CATALOGUE.find((definition) => definition.id === id);
  if (!row) throw new Error(`No alarm "${id}" in the catalogue.`);
  return row;
}
