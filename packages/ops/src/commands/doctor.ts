import { describeError } from "@dbward-aws/core";
import { diagnose, type Finding, isDeployed, isDeploying, readStage } from "@dbward-aws/stage";
import { command } from "../command.ts";
import { countFindings, findingLines, hasErrors } from "../findings.ts";
import { urlOption } from "../server-access.ts";
import { refusedTokens } from "../tokens/refused-tokens.ts";
import { versionFindings } from "../version-findings.ts";

/** `pnpm ops doctor`. */
export const doctor = command({
  command: "doctor",
  summary: "Find out why a stage is not healthy, and what to do about it",
  examples: [
    ["doctor --stage prod", "Exit code 1 when something is wrong"],
    ["doctor --stage prod --json", "For scripts"],
  ],
  options: (yargs) => urlOption(yargs).option("json", { type: "boolean", describe: "Print JSON" }),
  async run(context, { json, url }) {
    const { settings, clients, region, links, print } = context;
    const { stage } = settings;
    const view = await readStage(clients, { stage, settings });
    const causes = await diagnose(view, { stage, clients, settings, links });
    // A session into a task that is not well would make its reader wait.
    const answers = hasErrors(causes.filter(({ subject }) => subject.split(", ").includes("server")))
      ? []
      : [
          ...(await versionFindings(context, view, url)),
          ...(isDeployed(view) ? await refusedTokens(context, url).catch(notChecked) : []),
        ];
    const findings = [...causes, ...answers];
    if (json) print(JSON.stringify({ stage, region, findings }));
    else {
      if (isDeploying(view))
        print("A deployment is in progress; what it has not reached yet counts as a problem.\n");
      for (const line of findingLines(findings)) print(line);
      print(`Stage ${stage} in ${region}: ${countFindings(findings)}.`);
    }
    return hasErrors(findings) ? 1 : 0;
  },
});

function notChecked(error: unknown): Finding[] {
  return [
    {
      code: "not-checked",
      subject: "tokens",
      severity: "unknown",
      problem: "Whether the server accepts the tokens was not checked.",
      evidence: [describeError(error)],
      remedy: "Try again.",
    },
  ];
}
