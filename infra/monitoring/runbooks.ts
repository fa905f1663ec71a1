import { type AlarmId, BOOTSTRAP_AGENT_SUBJECT, METRICS_ROLE } from "@dbward-aws/contract";

/** What a runbook says beyond its row of the catalogue. `STAGE` stands for the stage's name. Markdown. */
export interface Runbook {
  /** Most probable first. */
  readonly causes: readonly string[];
  /** In the order of doing; the row's first step comes before them. */
  readonly steps: readonly string[];
}

const STATUS =
  "`pnpm ops status --stage STAGE` shows services, tasks, alarms, and the console page for each.";
const SERVER_LOG = "`pnpm ops logs server --since 15m --stage STAGE`";
const AGENT_LOG = "`pnpm ops logs agent NAME --since 15m --stage STAGE`";
const POLLER_LOG = "`pnpm ops logs poller --since 15m --stage STAGE`";
const DEPLOY = "deploy: `pnpm sst deploy --stage STAGE`";

export const RUNBOOKS: Readonly<Record<AlarmId, Runbook>> = {
  "server-unreachable": {
    causes: [
      "The server's task has stopped, and its successor does not come up: a bad configuration, a missing token file, no image.",
      "The task runs and hangs: out of memory, or the file system does not answer.",
      "A security group or route between poller and server was changed by hand.",
    ],
    steps: [
      STATUS,
      `${SERVER_LOG}: a line with \`fatal\` or \`Error:\` names the cause. \`bootstrap token file(s) missing\` needs \`--force-bootstrap\`; never delete files in \`/data\`.`,
      "The task hangs: `pnpm ops restart server --stage STAGE`. dbward is down for 1.5 to 3 minutes: the old task stops before the new one starts, as two corrupt the database.",
      "The task is fine, and people reach it: see the poller's log for the reason (`dns`, `refused`, `timeout`), then the ingress rule `Poller` on the server's security group.",
    ],
  },
  "server-not-ready": {
    causes: [
      "SQLite can't write: the file system is full of locks, read-only, or slow.",
      "A migration has failed halfway.",
    ],
    steps: [
      SERVER_LOG,
      "See the file system's throughput on the dashboard, and its mount targets in the console.",
      "`pnpm ops restart server --stage STAGE`. If it stays degraded after a version change, restore the backup that the migration wrote (`dbward.db.bak.vN` beside the database).",
    ],
  },
  "no-healthy-agent": {
    causes: [
      "The agents' tasks stop: a token that was revoked, a database URL that is wrong, an image that is gone.",
      "The agents run and can't reach the server.",
      "An agent is older than the server accepts (`upgrade_required`).",
    ],
    steps: [
      STATUS,
      AGENT_LOG,
      "Token refused: `pnpm ops tokens --stage STAGE`, then `pnpm ops tokens rotate NAME --stage STAGE`.",
      `\`upgrade_required\`: raise the agents' image tag in \`dbward.config.ts\`, and ${DEPLOY}.`,
    ],
  },
  "agents-offline": {
    causes: [
      "Its task was stopped, hangs, or can't reach the server.",
      "Its token was revoked: it goes on polling, and each poll is refused.",
      "Its service was scaled to 0 by hand.",
      `Its token has another subject than the stage expects, and its row is counted by \`AgentsUnexpected\`: \`${BOOTSTRAP_AGENT_SUBJECT}\` for the first agent, its name for every other one.`,
    ],
    steps: [
      AGENT_LOG,
      "`pnpm ops tokens --stage STAGE` tells whether the server takes its token.",
      "`pnpm ops restart agent NAME --stage STAGE`.",
      `Not needed for a while: \`desiredCount: 0\` in its settings, and ${DEPLOY}. Not needed at all: remove it from the settings. Either way nobody misses it; its row in \`/api/agents\` stays, and counts in \`AgentsUnexpected\` once it has been removed.`,
      "Replicas that share a token are one row: `tasks-missing` counts them.",
    ],
  },
  "agents-saturated": {
    causes: ["Requests that run long.", "More work than `max_concurrent_tasks` allows."],
    steps: [
      "Raise `max_concurrent_tasks` in the agent's configuration, if the database bears it; or `desiredCount`; and " +
        DEPLOY +
        ".",
    ],
  },
  "queue-not-draining": {
    causes: [
      "No agent serves the database or environment of the request that waits.",
      "The agent that serves it is lost: see [agents-offline](agents-offline.md).",
      "Agents poll and take nothing: draining, too old, or without their database.",
    ],
    steps: [
      "Compare `capabilities` in the answer of `/api/agents` with the request's database and environment.",
      AGENT_LOG,
      "When the alarm goes back to OK by itself after a few minutes, the request was given back and not executed: the server changes what nobody has claimed for 5 minutes to `approved`. Once the cause is gone, its requester resumes it: `dbward request resume ID`.",
      `Add the database to an agent's configuration, and ${DEPLOY}.`,
    ],
  },
  "queue-growing": {
    causes: ["A burst of requests.", "An agent is lost or full.", "The database is slow."],
    steps: [
      "See 'Capacity and use' and 'Agents by status' on the dashboard.",
      "All agents busy: more agents, or a larger `max_concurrent_tasks`. Agents idle: see [queue-not-draining](queue-not-draining.md).",
    ],
  },
  "approvals-stale": {
    causes: ["Nobody has looked.", "The workflow names approvers who have left."],
    steps: ["See `[[workflows.steps.approvers]]` in server.toml for who may approve."],
  },
  "resumes-stale": {
    causes: [
      "The approvers have approved it, and its requester has forgotten it.",
      "No agent took it within 5 minutes, so the server gave it back: see [queue-not-draining](queue-not-draining.md).",
    ],
    steps: [
      "`dbward request list` as an operator shows who asked; `dbward request resume ID` executes it, `dbward request cancel ID` ends it.",
      'Requests are meant to wait for hours here: set `monitoring.thresholds["resumes-stale"]`.',
    ],
  },
  "token-refused": {
    causes: [
      "The token was revoked, or its user removed.",
      "The server started on an empty file system: all tokens are new.",
      `Its user has lost the role \`${METRICS_ROLE}\` on the server.`,
    ],
    steps: [
      "`pnpm ops tokens --stage STAGE` tells which tokens the server takes. Are all refused, its state is gone: restore the file system's backup.",
      "The poller reads the new token by itself, within a minute.",
    ],
  },
  "poller-silent": {
    causes: [
      "The EventBridge rule is disabled.",
      "The function can't start: its subnets have no free addresses, or its role was changed.",
      "It can't reach CloudWatch or Secrets Manager: no NAT gateway, no VPC endpoint.",
    ],
    steps: [
      POLLER_LOG,
      "No log lines at all: see Errors, Throttles and Invocations of the function `dbward-STAGE-poll-agents`.",
      `The stack was changed by hand: ${DEPLOY}.`,
    ],
  },
  "poller-failing": {
    causes: [
      "PutMetricData refused or not reachable.",
      "The secret of the token is empty or not reachable.",
      "A time-out: the server or AWS answers slowly.",
    ],
    steps: [
      POLLER_LOG,
      'No way to CloudWatch from the VPC: set `monitoring.publisher: "emf"`, or add the endpoint `monitoring`.',
    ],
  },
  "poller-hindered": {
    causes: [
      "The poller's role lost a right: `secretsmanager:GetSecretValue` on the token's secret, or `ecs:DescribeServices`.",
      "No way to Secrets Manager or ECS from the VPC: no NAT gateway, no VPC endpoint.",
      "The server's service was deleted or renamed by hand.",
    ],
    steps: [
      POLLER_LOG,
      "`secrets`: queue and agents are not measured. `ecs`: deployments are not known, and alarms may ring during one.",
      `The stack was changed by hand: ${DEPLOY}.`,
    ],
  },
  "tasks-missing": {
    causes: [
      "No capacity, or no free address in the subnets.",
      "An agent's service was deleted by hand.",
      "The image can't be pulled; a secret or parameter does not exist.",
      "The task starts and fails again and again.",
    ],
    steps: [
      STATUS,
      "The reason is in the service's events and in the messages about stopped tasks (`CannotPullContainerError`, `ResourceInitializationError`).",
      `Correct it in \`dbward.config.ts\`, and ${DEPLOY}.`,
    ],
  },
  "task-restarts": {
    causes: [
      "The process ends: a bad configuration, a crash.",
      "A health check fails.",
      "Out of memory: a message of its own says so.",
    ],
    steps: [
      `${SERVER_LOG}; ${AGENT_LOG}`,
      "See [server-memory](server-memory.md) when a container was killed.",
    ],
  },
  "server-cpu": {
    causes: ["Many clients, or one that asks without pause.", "The task is too small."],
    steps: [`\`cpu: 1024\` in the server's settings, and ${DEPLOY}: 1.5 to 3 minutes without the server.`],
  },
  "server-memory": {
    causes: ["Large results kept in memory.", "The task is too small."],
    steps: [
      `\`memoryMiB: 2048\` in the server's settings, and ${DEPLOY}: 1.5 to 3 minutes without the server.`,
    ],
  },
  "efs-throughput": {
    causes: ["Results stored on the file system.", "A copy or a backup restore in progress."],
    steps: [`\`storage: { backend: "s3" }\` in the settings, and ${DEPLOY}.`],
  },
  "efs-storage": {
    causes: [
      "Results stored on the file system.",
      "Old `dbward.db.bak.vN` files of migrations.",
      "A long history of requests.",
    ],
    steps: [
      "Never delete `admin-token`, `agent-token`, `requester-token` or `dbward.db`: the server does not start without them.",
      "Copy old `dbward.db.bak.vN` files away before you delete them.",
      'It is meant to be so large: set `monitoring.thresholds["efs-storage"]`.',
    ],
  },
  "alb-unhealthy-hosts": {
    causes: ["The server's security group does not let the load balancer in.", "/ready answers slowly."],
    steps: [STATUS, `The rule between the two groups belongs to the stack: ${DEPLOY} restores it.`],
  },
  "alb-5xx": {
    causes: [
      "The server restarts while people use it.",
      "Requests that take longer than the load balancer waits.",
    ],
    steps: [SERVER_LOG],
  },
  "alb-latency": {
    causes: ["The server's CPU is busy.", "Commits wait for the file system."],
    steps: ["See [server-cpu](server-cpu.md) and [efs-throughput](efs-throughput.md)."],
  },
  "capture-failed": {
    causes: [
      "The server did not come up.",
      "ECS Exec can't connect: no route to ssmmessages, or an account that forbids it.",
      "A token file is missing or malformed.",
    ],
    steps: [
      "The error's last word in brackets is its page in [docs/errors](../errors).",
      "Deploy again: what was captured is kept, and the capture goes on from there.",
      'An account without ECS Exec: `capture: { method: "task" }`.',
    ],
  },
  "deployment-running": {
    causes: ["You, or an automatic replacement of a task by ECS."],
    steps: [
      "It counts deployments younger than 15 minutes, and for 2 minutes after their end: one that hangs does not keep alarms silent.",
    ],
  },
};
