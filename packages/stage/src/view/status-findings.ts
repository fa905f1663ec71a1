import {
  describeHours,
  HOURS_STEPS,
  isAlarmOfTasks,
  isNotificationAlarm,
  isWithinHours,
  problemAlarms,
  stageNames,
} from "@dbward-aws/contract";
import type { ConsoleLinks } from "../console-links.ts";
import { type Finding, inOrder, subjectOf } from "../finding.ts";
import { itemsOf } from "./part.ts";
import { describeStop, type ServiceView } from "./read-services.ts";
import type { StageView } from "./read-stage.ts";

/** The parts of a stage, in the order in which one would look into them, and what each is called. */
const PARTS = {
  stacks: "The stacks",
  services: "The services",
  tasks: "The tasks",
  tokens: "The token secrets",
  metrics: "The metrics",
  alarms: "The alarms",
  history: "The history of the alarms",
} as const;

/**
 * What is wrong with a stage by its view alone, without a further call.
 *
 * @param links pages of the console. @default - no links
 */
export function statusFindings(view: StageView, links?: ConsoleLinks): Finding[] {
  if (isDeployed(view) === false)
    return [
      {
        code: "stage-not-deployed",
        subject: view.stage,
        severity: "error",
        problem: `Stage ${view.stage} is not deployed in ${view.region}.`,
        evidence: [],
        remedy: `Run: pnpm sst deploy --stage ${view.stage}`,
      },
    ];
  const stopped = isStoppedByHours(view);
  return inOrder([
    ...stackFindings(view, links),
    ...(stopped ? hoursFindings(view) : serviceFindings(view, links)),
    ...tokenFindings(view, links),
    ...(stopped ? [] : metricFindings(view)),
    ...alarmFindings(view, links).filter(({ subject }) => !stopped || !isAlarmOfTasks(subject)),
    ...(stopped ? [] : silenceFindings(view)),
    ...unreadParts(view),
  ]);
}

/** Whether the stage has a stack; `undefined` when the stacks could not be read. */
export function isDeployed({ stacks }: StageView): boolean | undefined {
  return "error" in stacks ? undefined : stacks.items.some(({ status }) => status !== "missing");
}

/** Whether the stage has working hours, and all of its services are stopped. */
export function isStoppedByHours({ hours, services }: StageView): boolean {
  const there = itemsOf(services).filter(({ state }) => state !== "missing");
  return (
    hours !== undefined &&
    new Set(there.map(({ kind }) => kind)).size === 2 &&
    there.every(({ desired }) => desired === 0)
  );
}

function hoursFindings({ stage, hours, at }: StageView): Finding[] {
  if (!hours) return [];
  const inWords = describeHours(hours);
  const start = `pnpm ops start --stage ${stage}`;
  const finding = { code: "stopped-by-hours", subject: stage, evidence: [] };
  // The schedules take their time to start it.
  const isDue =
    isWithinHours(hours, new Date(at - HOURS_STEPS.start.poller * 60_000)) &&
    isWithinHours(hours, new Date(at));
  return isDue
    ? [
        {
          ...finding,
          severity: "error",
          problem: `Stage ${stage} is stopped within its hours, ${inWords}.`,
          remedy: `Run: ${start}. If nobody has stopped it, its schedules in EventBridge Scheduler failed: see their group ${stageNames(stage).scheduleGroup}`,
        },
      ]
    : [
        {
          ...finding,
          severity: "warning",
          problem: `Stage ${stage} is stopped by its hours, ${inWords}.`,
          remedy: `It starts by itself. To start it now, run: ${start}`,
        },
      ];
}

function serviceFindings(view: StageView, links: ConsoleLinks | undefined): Finding[] {
  return itemsOf(view.services).flatMap((service) => serviceFinding(view, service, links) ?? []);
}

/** Alarms whose messages were turned off, by the hours or by a person. */
function silenceFindings({ stage, region, hours, alarms }: StageView): Finding[] {
  const silent = itemsOf(alarms).filter(({ isSilenced }) => isSilenced);
  if (silent.length === 0) return [];
  return [
    {
      code: "alarms-silenced",
      subject: "alarms",
      severity: "warning",
      problem: "Alarms send no messages: their actions are disabled.",
      evidence: [silent.map(({ name }) => name).join(", ")],
      remedy: hours
        ? `Run: pnpm ops start --stage ${stage}. In the first minutes of its hours the stage does so itself`
        : `Run: aws cloudwatch enable-alarm-actions --alarm-names ${silent.map(({ name }) => name).join(" ")} --region ${region}`,
    },
  ];
}

/** Whether CloudFormation is at work on the stage. */
export function isDeploying({ stacks }: StageView): boolean {
  return itemsOf(stacks).some(({ status }) => status.endsWith("_IN_PROGRESS"));
}

function unreadParts(view: StageView): Finding[] {
  return (Object.keys(PARTS) as (keyof typeof PARTS)[]).flatMap((part): Finding[] => {
    const read = view[part];
    return "error" in read
      ? [
          {
            code: "part-unknown",
            subject: part,
            severity: "unknown",
            problem: `${PARTS[part]} could not be read.`,
            evidence: [read.error],
            remedy: "Grant your identity the permission, or try again.",
          },
        ]
      : [];
  });
}

function stackFindings({ stage, stacks }: StageView, links: ConsoleLinks | undefined): Finding[] {
  return itemsOf(stacks).flatMap(({ name, id, status, reason }): Finding[] => {
    if (status === "missing")
      return [
        {
          code: "stack-missing",
          subject: name,
          severity: "error",
          problem: `Stack ${name} doesn't exist.`,
          evidence: [],
          remedy: `Run: pnpm sst deploy --stage ${stage}`,
        },
      ];
    if (!/FAILED|ROLLBACK/.test(status)) return [];
    return [
      {
        code: "stack-failed",
        subject: name,
        severity: "error",
        problem: `Stack ${name} is ${status}.`,
        evidence: reason === "" ? [] : [reason],
        remedy: `Correct the cause, then run: pnpm sst deploy --stage ${stage}`,
        ...(links && { link: links.stack(id) }),
      },
    ];
  });
}

/** What is wrong with one service; `undefined` when it runs as it should, or is about to. */
export function serviceFinding(
  view: StageView,
  service: ServiceView,
  links?: ConsoleLinks,
): Finding | undefined {
  const { stage } = view;
  const { service: name, state, desired, running, wanted, reason } = service;
  const subject = subjectOf(service);
  const common = {
    subject,
    severity: "error" as const,
    evidence: [] as string[],
    ...(links && { link: links.service(view.cluster, name) }),
  };
  const doctor = `Run: pnpm ops doctor --stage ${stage}`;
  if (state === "missing")
    return {
      ...common,
      code: "service-missing",
      problem: `Service ${name} doesn't exist.`,
      remedy: `Run: pnpm sst deploy --stage ${stage}`,
    };
  if (state === "failed")
    return {
      ...common,
      code: "deployment-failed",
      problem: `The last deployment of service ${name} failed; ${running} of ${desired} tasks run.`,
      evidence: [reason, ...lastStop(view, service)].filter(Boolean),
      remedy: doctor,
    };
  if (wanted !== undefined && desired < wanted)
    return {
      ...common,
      code: "service-scaled-down",
      problem: `Service ${name} was scaled to ${desired}; the settings want ${wanted}.`,
      remedy: `Run: pnpm ops scale ${subject} --count ${wanted} --stage ${stage}`,
    };
  if (running < desired && state !== "deploying")
    return {
      ...common,
      code: "tasks-missing",
      problem: `${running} of ${desired} tasks of service ${name} run.`,
      evidence: lastStop(view, service),
      remedy: doctor,
    };
  return undefined;
}

/** How the last task of a service ended, or else what the service itself reports. */
function lastStop({ tasks }: StageView, { service, event }: ServiceView): string[] {
  const stop = itemsOf(tasks).find((task) => task.service === service && task.stop)?.stop;
  return stop ? [`The last task stopped: ${describeStop(stop)}`] : event ? [`ECS reports: ${event}`] : [];
}

function tokenFindings({ stage, region, tokens }: StageView, links: ConsoleLinks | undefined): Finding[] {
  return itemsOf(tokens).flatMap(({ secret, owner, state }): Finding[] => {
    if (state === "captured" || state === "unreadable") return [];
    const problem = {
      empty: `Secret ${secret} is empty: the token of ${owner} was not captured.`,
      missing: `Secret ${secret}, which holds the token of ${owner}, doesn't exist.`,
      "being-deleted": `Secret ${secret}, which holds the token of ${owner}, is scheduled for deletion.`,
    }[state];
    const remedy = {
      empty: `Run: pnpm ops tokens recapture --stage ${stage}`,
      missing: `Run: pnpm sst deploy --stage ${stage}`,
      "being-deleted": `Run: aws secretsmanager restore-secret --secret-id ${secret} --region ${region}`,
    }[state];
    return [
      {
        code: `token-${state}`,
        subject: secret,
        severity: "error",
        problem,
        evidence: [],
        remedy,
        ...(links && state !== "missing" && { link: links.secret(secret) }),
      },
    ];
  });
}

function metricFindings({ stage, metrics }: StageView): Finding[] {
  if ("error" in metrics || metrics.items.length > 0) return [];
  return [
    {
      code: "poller-silent",
      subject: "poller",
      severity: "error",
      problem: "The poller has published no metric for 15 minutes.",
      evidence: [],
      remedy: `Read its log: pnpm ops logs poller --stage ${stage}. The first values of a new stage come after a minute`,
    },
  ];
}

/** The runbook that an alarm's description names. */
const RUNBOOK = /docs\/runbooks\/[a-z0-9-]+\.md/;

function alarmFindings({ stage, alarms }: StageView, links: ConsoleLinks | undefined): Finding[] {
  const names = stageNames(stage);
  const own = itemsOf(alarms).filter(({ name }) => !isNotificationAlarm(names, name));
  return problemAlarms(names, own).map(({ name, reason, description }) => ({
    code: "alarm",
    subject: name.replace(names.alarm(""), ""),
    severity: "error",
    problem: `Alarm ${name} is in ALARM.`,
    evidence: [description, reason].filter(Boolean),
    remedy: `See ${RUNBOOK.exec(description)?.[0] ?? "docs/monitoring.md"}`,
    ...(links && { link: links.alarm(name) }),
  }));
}
