import type { Command, CommandContext } from "../command.ts";
import { alarmLines, metricLines } from "../status/monitoring.ts";
import { serviceLines } from "../status/services.ts";
import { stackLines } from "../status/stacks.ts";
import { problemsOf, type StageStatus, type StatusLine } from "../status/stage-status.ts";
import { tokenLines } from "../status/tokens.ts";
import { table } from "../table.ts";

/** `pnpm ops status`. */
export const status: Command = {
  summary: "what runs, and what is wrong, with the page of the console where to look",
  usage: "[--json]",
  options: { json: { type: "boolean" } },
  async run(context) {
    const found = await readStatus(context);
    if (!context.options.json && found.stacks.every(({ state }) => state === "missing")) {
      const { stage } = context.settings;
      context.print(
        `Stage ${stage} is not deployed in ${context.region}. Run: pnpm sst deploy --stage ${stage}`,
      );
      return 1;
    }
    const problems = problemsOf(found);
    if (context.options.json)
      context.print(
        JSON.stringify({ stage: context.settings.stage, region: context.region, ...found, problems }),
      );
    else for (const line of report(context, found)) context.print(line);
    return problems.length > 0 ? 1 : 0;
  },
};

async function readStatus(context: CommandContext): Promise<StageStatus> {
  const [stacks, services, tokens, alarms, metrics] = await Promise.all([
    stackLines(context),
    serviceLines(context),
    tokenLines(context),
    alarmLines(context),
    metricLines(context),
  ]);
  return { stacks, services, tokens, alarms, metrics };
}

function report({ settings, region, names, links }: CommandContext, found: StageStatus): string[] {
  const problems = problemsOf(found);
  const deploying = found.stacks.some(({ state }) => state.endsWith("_IN_PROGRESS"));
  const ringing = found.alarms.filter(({ state }) => state !== "OK");
  return [
    `Stage ${settings.stage} in ${region}`,
    ...section("Stacks", found.stacks),
    ...section("Services", found.services),
    ...section("Tokens", found.tokens),
    ...section("Metrics", found.metrics),
    ...section(`Alarms: ${found.alarms.length - ringing.length} of ${found.alarms.length} OK`, ringing),
    "",
    `Dashboard: ${links.dashboard(names.dashboard)}`,
    "",
    ...(deploying ? ["A deployment is under way; what it hasn't come to yet counts as a problem.", ""] : []),
    ...(problems.length === 0
      ? ["All is well."]
      : [
          problems.length === 1 ? "1 problem:" : `${problems.length} problems:`,
          ...problems.flatMap(({ message, link }) => [`- ${indented(message)}`, `  ${link}`]),
        ]),
  ];
}

/** A description of several lines stays one point of the list. */
function indented(message: string): string {
  return message.replace(/\n+/g, "\n    ");
}

function section(title: string, lines: readonly StatusLine[]): string[] {
  return ["", title, ...table(lines.map(({ name, state, problem }) => [problem ? " !" : "  ", name, state]))];
}
