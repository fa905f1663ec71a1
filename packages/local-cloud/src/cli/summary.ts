import type { StageStatus } from "../stage/status.ts";
import { paint } from "./format.ts";

/** The stage at a glance, a line for each thing, as `pnpm local` shows it. */
export function summarize(status: StageStatus): string {
  const lines: [label: string, text: string][] = [
    ["Stacks", list(status.stacks.map(stack))],
    ["Services", list(status.services.map(service))],
    ["Tokens", list(status.secrets.map(({ name, captured }) => mark(captured, name)))],
    ["Queue", queue(status)],
    ["Agents", agents(status)],
    ["Alarms", alarms(status)],
    ["Account", status.endpoint],
  ];
  if (status.dashboardUrl) lines.push(["Dashboard", status.dashboardUrl]);
  return lines.map(([label, text]) => `  ${paint.dim(label.padEnd(10))} ${text}`).join("\n");
}

function list(items: readonly string[]): string {
  return items.join("  ") || "none";
}

function mark(good: boolean, text: string): string {
  return `${good ? paint.good("✓") : paint.bad("✗")} ${text}`;
}

function stack({ name, status }: StageStatus["stacks"][number]): string {
  const good = /^(CREATE|UPDATE)_COMPLETE$/.test(status);
  return mark(good, good ? name : `${name} ${status}`);
}

function service({ name, desired, running, implementation }: StageStatus["services"][number]): string {
  return `${mark(running === desired, `${name} ${running}/${desired}`)} ${paint.dim(`(${implementation})`)}`;
}

function queue(status: StageStatus): string {
  return measured(status, [
    ["QueueDepth", "waiting for an agent"],
    ["RequestsPending", "waiting for approval"],
    ["RequestsRunning", "running"],
  ]);
}

function agents(status: StageStatus): string {
  return measured(status, [
    ["AgentsHealthy", "healthy"],
    ["AgentsSaturated", "saturated"],
    ["AgentsOffline", "offline"],
  ]);
}

function measured({ metrics }: StageStatus, names: readonly (readonly [string, string])[]): string {
  const known = names.flatMap(([name, words]) => (metrics[name] ? [`${metrics[name].value} ${words}`] : []));
  return known.join(", ") || "no metric yet";
}

function alarms(status: StageStatus): string {
  const firing = status.alarms.filter(({ state }) => state === "ALARM");
  if (firing.length === 0) return `${paint.good("✓")} none of ${status.alarms.length} fires`;
  return firing.map(({ name }) => `${paint.bad("●")} ${name}`).join("  ");
}
