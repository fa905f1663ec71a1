import { table } from "@dbward-aws/cli";
import {
  type Finding,
  isDeployed,
  isDeploying,
  itemsOf,
  type MetricView,
  type Part,
  readStage,
  type ServiceView,
  type StageView,
  statusFindings,
} from "@dbward-aws/stage";
import { type CommandContext, command } from "../command.ts";
import { countFindings, findingLines, hasErrors } from "../findings.ts";
import { urlOption } from "../server-access.ts";
import { versionFindings } from "../version-findings.ts";

/** `pnpm ops status`. */
export const status = command({
  command: "status",
  summary: "Show what runs and what is wrong, with links to the AWS console",
  examples: [
    ["status --stage prod", "Exit code 1 when something is wrong"],
    ["status --stage prod --json", "For scripts"],
  ],
  options: (yargs) => urlOption(yargs).option("json", { type: "boolean", describe: "Print JSON" }),
  async run(context, { json, url }) {
    const { settings, clients, links, print } = context;
    const view = await readStage(clients, { stage: settings.stage, settings });
    const problems = statusFindings(view, links);
    const findings = hasErrors(problems)
      ? problems
      : [...problems, ...(await versionFindings(context, view, url))];
    if (json) print(JSON.stringify({ ...view, findings }));
    else if (isDeployed(view) === false)
      print(findings.map((each) => `${each.problem} ${each.remedy}`).join("\n"));
    else for (const line of report(context, view, findings)) print(line);
    return hasErrors(findings) ? 1 : 0;
  },
});

/** Metrics that an operator looks at first. */
const SHOWN: ReadonlySet<MetricView["name"]> = new Set([
  "ServerReachable",
  "QueueDepth",
  "RequestsPending",
  "RequestsApproved",
  "RequestsRunning",
  "AgentCapacity",
  "AgentsOffline",
]);

function report({ names, links }: CommandContext, view: StageView, findings: readonly Finding[]): string[] {
  const alarms = itemsOf(view.alarms);
  const notOk = alarms.filter(({ state }) => state !== "OK");
  return [
    `Stage ${view.stage} in ${view.region}`,
    ...section("Stacks", view.stacks, ({ name, status }) => [name, status]),
    ...section("Services", view.services, (service) => [service.name, serviceState(service)]),
    ...section("Tokens", view.tokens, ({ owner, secret, state }) => [owner, secret, state]),
    ...section(
      "Metrics",
      "error" in view.metrics
        ? view.metrics
        : { items: view.metrics.items.filter(({ name }) => SHOWN.has(name)) },
      ({ name, value }) => [name, String(value)],
    ),
    ...section(
      `Alarms: ${alarms.length - notOk.length} of ${alarms.length} OK`,
      "error" in view.alarms ? view.alarms : { items: notOk },
      ({ name, state }) => [name, state],
    ),
    "",
    ...(links ? [`Dashboard: ${links.dashboard(names.dashboard)}`, ""] : []),
    ...(isDeploying(view)
      ? ["A deployment is in progress; what it has not reached yet counts as a problem.", ""]
      : []),
    ...findingLines(findings),
    `${countFindings(findings)}.`,
  ];
}

function serviceState({ state, running, desired }: ServiceView): string {
  const tasks = `${running} of ${desired} running`;
  return {
    missing: "missing",
    stable: tasks,
    deploying: `${tasks}, deploying`,
    failed: `${tasks}, deployment failed`,
  }[state];
}

function section<T>(title: string, part: Part<T>, cells: (item: T) => readonly string[]): string[] {
  const lines = "error" in part ? ["not known, see below"] : table(part.items.map(cells));
  return ["", title, ...lines.map((line) => `  ${line}`)];
}
