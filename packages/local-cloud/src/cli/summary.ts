import { problemAlarms, stageNames } from "@dbward-aws/contract";
import type { StageStatus } from "../stage/status.ts";
import { paint } from "./format.ts";

/** The stage at a glance, as `pnpm local` shows it: a label, and beside it a line for each thing. */
export function summarize(status: StageStatus): string {
  const sections: [label: string, lines: readonly string[]][] = [
    ["Stacks", [stacks(status)]],
    ["Services", table(status.services.map(service))],
    ["Tokens", table(status.secrets.map(secret))],
    ["Queue", [queue(status)]],
    ["Agents", [agents(status)]],
    ["Alarms", alarms(status)],
    ["Account", [status.endpoint]],
    ["Server", [status.serverUrl]],
  ];
  if (status.dashboardUrl) sections.push(["Dashboard", [paint.strong(status.dashboardUrl)]]);
  return sections
    .flatMap(([label, lines]) =>
      (lines.length > 0 ? lines : ["none yet"]).map((line, index) => [index ? "" : label, line]),
    )
    .map(([label = "", line]) => `  ${paint.dim(label.padEnd(LABEL_WIDTH))}${line}`)
    .join("\n");
}

const LABEL_WIDTH = 11;

/** A row of a table: whether all is well, and its cells. */
type Row = readonly [good: boolean, ...cells: string[]];

function table(rows: readonly Row[]): string[] {
  const width = (column: number) => Math.max(...rows.map(([, ...cells]) => cells[column]?.length ?? 0));
  return rows.map(([good, ...cells]) => {
    const texts = cells.map((cell, column) =>
      column < cells.length - 1 ? cell.padEnd(width(column)) : paint.dim(cell),
    );
    return mark(good, texts.join("  "));
  });
}

function mark(good: boolean, text: string): string {
  return `${good ? paint.good("✓") : paint.bad("✗")} ${text}`;
}

/** Without the prefix that all names have in common. */
function stacks({ stacks, stage }: StageStatus): string {
  const marks = stacks.map(({ name, status }) => {
    const good = /^(CREATE|UPDATE)_COMPLETE$/.test(status);
    const short = name.replace(`${stage}-dbward-`, "");
    return mark(good, good ? short : `${short} ${status}`);
  });
  return marks.join("  ") || "none yet";
}

function service({ name, desired, running, implementation }: StageStatus["services"][number]): Row {
  return [running === desired, name, `${running} of ${desired} running`, implementation];
}

function secret({ name, captured }: StageStatus["secrets"][number]): Row {
  return [captured, name, captured ? "captured" : "empty"];
}

function queue(status: StageStatus): string {
  return measured(status, [
    ["QueueDepth", "waiting for an agent"],
    ["RequestsPending", "waiting for approval"],
    ["RequestsApproved", "waiting for their requester"],
    ["RequestsRunning", "running"],
  ]);
}

function agents(status: StageStatus): string {
  return measured(status, [
    ["AgentsHealthy", "healthy"],
    ["AgentsSaturated", "saturated"],
    ["AgentsOffline", "offline"],
    ["AgentCapacity", "requests at a time"],
  ]);
}

function measured({ metrics }: StageStatus, names: readonly (readonly [string, string])[]): string {
  const known = names.flatMap(([name, words]) => (metrics[name] ? [`${metrics[name].value} ${words}`] : []));
  return known.join(", ") || "no metric yet";
}

/** Only the problems by name: the other alarms are many. */
function alarms({ alarms, stage }: StageStatus): string[] {
  const problems = problemAlarms(stageNames(stage), alarms);
  if (problems.length === 0)
    return alarms.length === 0 ? [] : [mark(true, `none of ${alarms.length} shows a problem`)];
  return problems.map(({ name }) => mark(false, `${name}  ${paint.bad("ALARM")}`));
}
