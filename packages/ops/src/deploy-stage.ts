import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Argv, Progress } from "@dbward-aws/cli";
import { agentSubject, STACK_IDS } from "@dbward-aws/contract";
import { DbwardError, Deadline } from "@dbward-aws/core";
import { diagnose, findStack, readStage } from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";
import { findingLines } from "./findings.ts";
import { waitForService } from "./rollout.ts";
import { runProgramHere } from "./run-program.ts";
import { tryServer } from "./server-access.ts";
import { findServices, servicesOf } from "./services.ts";
import { applyTerminationProtection } from "./termination-protection.ts";
import { findToken, readToken } from "./token-value.ts";

const ASK_EVERY_MS = 2_000;
/** A stack of the stage takes less: the longest has the token capture, with 14 minutes. */
const STACK_MINUTES = 60;
/** An agent polls every few seconds once its container is healthy. */
const AGENT_MINUTES = 3;

/** The tool that deploys ended with an error, or a part of the stage does not work after it. */
export class DeploymentError extends DbwardError {
  override readonly name = "DeploymentError";

  constructor({ settings }: CommandContext, message: string) {
    super("deployment-failed", message, {
      hint: `Remove the cause, and run this again: it continues from there. More: pnpm ops status --stage ${settings.stage}`,
    });
  }
}

/** The tool that deploys, and whether the workspace is built first. */
export interface DeployTool {
  readonly tool: "sst" | "cdk";
  readonly build: boolean;
}

/** Declares `--with` and `--build`. */
export function deployToolOptions<T>(yargs: Argv<T>) {
  return yargs
    .option("with", {
      choices: ["sst", "cdk"] as const,
      default: "sst" as const,
      describe: "Tool that deploys",
    })
    .option("build", { type: "boolean", default: true, describe: "Build the workspace first" });
}

/** Whether `root` is a workspace to build. */
function buildsWorkspace({ root }: CommandContext, build: boolean): boolean {
  return build && existsSync(join(root, "turbo.json"));
}

/**
 * Deploys what the settings say at the moment, and waits until server and agents work.
 *
 * @param options.awaits `server`: agents are not waited for, because the deployed server may require newer
 *   ones. @default "everything"
 * @throws DeploymentError, RolloutError
 */
export async function deployStage(
  context: CommandContext,
  {
    tool,
    build,
    json,
    awaits = "everything",
  }: DeployTool & { readonly json: boolean; readonly awaits?: "everything" | "server" },
  progress: Progress,
) {
  const { root, settings } = context;
  await waitForStacks(context, progress);
  const output = json ? "stderr" : "stdout";
  const run = async (program: readonly [string, ...string[]]) => {
    progress.stop();
    return runProgramHere(program, { cwd: root, output });
  };
  if (
    buildsWorkspace(context, build) &&
    (await run([bin(root, "turbo"), "build", "--output-logs=errors-only"])) !== 0
  )
    throw new DeploymentError(context, "Building the workspace failed; nothing was deployed.");
  const code = await run(deployment(tool, root, settings.stage));
  if (code !== 0) throw await explainFailure(context, `${tool} deploy ended with exit code ${code}`);
  for (const name of await applyTerminationProtection(settings, context.clients))
    progress.done(`Termination protection of ${name}: ${settings.terminationProtection ? "on" : "off"}`);
  const tasks = await waitForServices(context, awaits, progress);
  return awaits === "server" ? { tasks } : { tasks, ...(await askServer(context, progress)) };
}

function bin(root: string, name: string): string {
  return join(root, "node_modules/.bin", name);
}

function deployment(tool: "sst" | "cdk", root: string, stage: string): readonly [string, ...string[]] {
  return tool === "sst"
    ? [bin(root, "sst"), "deploy", "--stage", stage]
    : [bin(root, "tsx"), "--conditions=@dbward-aws/source", "cdk.ts", "deploy", "--stage", stage];
}

/** What {@link deployStage} would do now, in words. @throws AwsCallError */
export async function deploySteps(context: CommandContext, { tool, build }: DeployTool): Promise<string[]> {
  // Of a deployment that was cut off.
  const busy = (await readStacks(context)).filter(isBusy);
  return [
    ...busy.map(({ name, status }) => `Wait for stack ${name}, which is ${status}`),
    ...(buildsWorkspace(context, build) ? ["Build the workspace"] : []),
    `Deploy the stacks: ${tool} deploy --stage ${context.settings.stage}`,
    "Wait until the server is ready and all agents are healthy",
  ];
}

/** Waits until no stack of the stage is in the middle of an operation. */
export async function waitForStacks(context: CommandContext, progress: Progress): Promise<void> {
  const waiting = Deadline.after(STACK_MINUTES * 60_000, context.signal);
  await waiting.until(async () => {
    const busy = (await readStacks(context)).filter(isBusy);
    for (const { name, status } of busy) progress.step(`Stack ${name} is ${status}`);
    return busy.length === 0 || undefined;
  }, ASK_EVERY_MS);
}

async function readStacks({ clients, names }: CommandContext) {
  const found = await Promise.all(STACK_IDS.map((id) => findStack(clients, names.stack(id))));
  return found.flatMap((stack) =>
    stack ? [{ name: stack.StackName ?? "", status: stack.StackStatus ?? "" }] : [],
  );
}

function isBusy({ status }: { readonly status: string }): boolean {
  return status.endsWith("_IN_PROGRESS") && status !== "REVIEW_IN_PROGRESS";
}

/** The causes as the doctor finds them. */
async function explainFailure(context: CommandContext, what: string): Promise<DeploymentError> {
  const { clients, settings, links } = context;
  const { stage } = settings;
  const view = await readStage(clients, { stage, settings });
  const findings = await diagnose(view, { stage, clients, settings, links });
  return new DeploymentError(context, [`${what}.`, ...findingLines(findings)].join("\n  ").trimEnd());
}

/** @returns how many healthy tasks each service runs */
async function waitForServices(
  context: CommandContext,
  awaits: "everything" | "server",
  progress: Progress,
): Promise<Record<string, number>> {
  const { settings, names } = context;
  const tasks: Record<string, number> = {};
  const services =
    awaits === "server" ? findServices("server", undefined, settings, names) : servicesOf(settings, names);
  for (const { word, service, tasks: wanted } of services) {
    if (wanted === 0) continue;
    progress.step(`Waiting for ${service}`);
    tasks[word] = await waitForService(context, service, progress);
    progress.done(`${service}: ${tasks[word]} running and healthy`);
  }
  return tasks;
}

/** Waits until the server accepts all agents. @returns the server's version, if it could be asked */
async function askServer(context: CommandContext, progress: Progress): Promise<{ version?: string }> {
  const { names, links } = context;
  progress.step("Asking the server for its agents");
  const server = await tryServer(context);
  if ("unreachable" in server) {
    progress.done(
      `The server's task is healthy. It was not asked for its agents: ${server.unreachable.message}`,
    );
    return {};
  }
  try {
    await waitForAgents(context, server.client);
    progress.done(`The server runs ${server.health.version}, and accepts all agents.`);
    if (links) progress.done(`Dashboard: ${links.dashboard(names.dashboard)}`);
    return { version: server.health.version };
  } finally {
    await server.close();
  }
}

type Client = Extract<Awaited<ReturnType<typeof tryServer>>, { client: unknown }>["client"];

async function waitForAgents(context: CommandContext, client: Client): Promise<void> {
  const wanted = context.settings.agents.filter(({ desiredCount }) => desiredCount > 0);
  const token = await readToken(context, findToken(context, "metrics"));
  const waiting = Deadline.after(AGENT_MINUTES * 60_000, context.signal);
  let states: string[] = [];
  const healthy = await waiting.until(async () => {
    const agents = await client.agents({ token });
    states = wanted.flatMap((agent) => {
      const status = agents.find(({ id }) => id === agentSubject(agent))?.status ?? "unknown to the server";
      return status === "healthy" || status === "saturated" ? [] : [`agent ${agent.name} is ${status}`];
    });
    return states.length === 0 || undefined;
  }, ASK_EVERY_MS);
  if (!healthy)
    throw new DeploymentError(
      context,
      `Everything was deployed, but after ${AGENT_MINUTES} minutes ${states.join(", ")}.`,
    );
}
