import { dirname, resolve } from "node:path";
import { type Argv, actionOptions, UsageError } from "@dbward-aws/cli";
import { escapeControls } from "@dbward-aws/core";
import { adoptStage } from "../adopt/adopt-stage.ts";
import { command } from "../command.ts";
import type { CommonOptions } from "../common-options.ts";
import { deployToolOptions } from "../deploy-stage.ts";

/** `pnpm ops adopt`. */
export const adopt = command({
  command: "adopt",
  summary: "Take over a deployment by dbward's CloudFormation templates as a stage, or go back to it",
  examples: [
    ["adopt --stage prod --dry-run", "Finds the stacks, and shows what would happen"],
    ["adopt --stage prod --server-stack dbward --yes", "Takes over the deployment of that stack"],
    ["adopt --stage prod --back", "Stops the stage, and starts the former services again"],
  ],
  options: (yargs) => adoptOptions(yargs as Argv<CommonOptions>),
  async runWithoutContext(io, { with: tool, build, yes, dryRun, json, ...options }) {
    const { stage } = options;
    if (!stage) throw new UsageError("--stage is required.", "Name the new stage, such as --stage prod.");
    const configFile = resolve(io.directory, options.config);
    return adoptStage(
      {
        stage,
        configFile,
        root: dirname(configFile),
        common: options,
        io: { ...io, print: (line) => io.print(escapeControls(line)) },
      },
      {
        stacks: {
          serverStack: options.serverStack,
          agentStacks: listOf(options.agentStack),
          storageStack: options.storageStack,
        },
        subnets: listOf(options.subnets),
        databaseCidrs: listOf(options.databaseCidrs),
        back: options.back,
        tool: { tool, build },
      },
      { yes, dryRun, json },
    );
  },
});

function adoptOptions(yargs: Argv<CommonOptions>) {
  const word = { type: "string", requiresArg: true } as const;
  return deployToolOptions(actionOptions(yargs))
    .option("server-stack", { ...word, describe: "Stack of the server (default: the one of its shape)" })
    .option("agent-stack", {
      ...word,
      describe:
        "Stacks of agents, separated by commas; AGENT=STACK names the agent (default: those of the cluster)",
    })
    .option("storage-stack", { ...word, describe: "Stack of the bucket (default: the one that made it)" })
    .option("subnets", {
      ...word,
      describe: "Subnets, separated by commas, one a zone (default: those of the stacks)",
    })
    .option("database-cidrs", {
      ...word,
      describe: "IPv4 blocks with the databases (default: the security group that lets the agent in)",
    })
    .option("back", { type: "boolean", default: false, describe: "Go back to the former services" });
}

function listOf(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);
}
