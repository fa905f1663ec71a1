import { join } from "node:path";
import { Deadline } from "@dbward-aws/core";
import type { AccountAccess } from "@dbward-aws/local-account";
import { buildWorkspace } from "./build-workspace.ts";
import { type StageClients, stageClients } from "./clients.ts";
import { type DeploymentContext, runDeployment } from "./deployments.ts";
import { ToolFailed } from "./errors.ts";
import { Progress } from "./progress.ts";
import { runningDatabaseUrl } from "./stage-database.ts";
import { stageLog, stageView } from "./stage-directory.ts";
import { steadyServices } from "./steady-services.ts";
import { toolEnvironment } from "./tool-environment.ts";
import { workspaceTools } from "./tools.ts";
import { createUserSecrets, readSettings } from "./user-secrets.ts";

export interface RedeployOptions {
  /** Folder of the checkout. */
  readonly root: string;
  /** Of the running stage. */
  readonly directory: string;
  readonly stage: string;
  /** The first stage of its account. @default - this one */
  readonly firstStage?: string;
  readonly access: AccountAccess;
  /** Build the workspace before the deployment. @default true */
  readonly build?: boolean;
  /** @default - not reported */
  readonly progress?: Progress;
  /** Aborts the deployment. */
  readonly signal: AbortSignal;
}

/** Milliseconds for the build. */
const BUILD_MS = 600_000;
/** Milliseconds in which the services must be steady: an old task may take two minutes to end. */
const STEADY_MS = 600_000;

/**
 * Deploys what the checkout holds now to a stage that is running, and waits for its services, as
 * CloudFormation on AWS would.
 *
 * @throws SettingsError before anything is changed; ToolFailed with what failed and why
 */
export async function redeploy(options: RedeployOptions): Promise<void> {
  const { root, directory, stage, access, progress = new Progress(), signal } = options;
  const settings = await readSettings(root, stage);
  const tools = workspaceTools(root);
  const clients = stageClients(access);
  try {
    if (options.build !== false) {
      const deadline = Deadline.after(BUILD_MS, signal);
      await progress.step("Build the workspace", () =>
        buildWorkspace({ turbo: tools.turbo, root, log: logOf(options, "build"), deadline }),
      );
    }
    // What the settings name since the start.
    await createUserSecrets(
      clients.secretsManager,
      settings,
      await runningDatabaseUrl(directory, process.env),
    );
    await runDeployment(deploymentContext(options, clients), "deploy");
    await progress.step("Wait for healthy tasks", async (note) => {
      const problems = await steadyServices(clients, stage, Deadline.after(STEADY_MS, signal), note);
      if (problems.length === 0) return;
      const lines = problems.map((problem) => `  ${problem}`).join("\n");
      throw new ToolFailed(
        "local-deploy-failed",
        `The stacks are deployed, and services do not run:\n${lines}\n`,
        {
          hint: "On AWS the deployment would have failed and been rolled back. Read what they print: pnpm local logs",
        },
      );
    });
  } finally {
    clients.destroy();
  }
}

/**
 * Removes a stage from a running account, as `sst remove` does.
 *
 * @throws ToolFailed with what failed and why
 */
export async function removeStage(options: RedeployOptions): Promise<void> {
  const clients = stageClients(options.access);
  try {
    await runDeployment(deploymentContext(options, clients), "remove");
  } finally {
    clients.destroy();
  }
}

function deploymentContext(options: RedeployOptions, clients: StageClients): DeploymentContext {
  const { root, directory, stage, access, progress = new Progress(), signal } = options;
  return {
    stage,
    root,
    view: stageView(directory, stage),
    sstConfig: undefined,
    sst: workspaceTools(root).sst,
    env: toolEnvironment(directory, join(root, ".local", "cache"), access),
    log: (name) => logOf(options, name),
    clients,
    progress,
    prepare: async () => undefined,
    signal,
  };
}

function logOf({ directory, stage, firstStage = stage }: RedeployOptions, name: string): string {
  return stageLog(directory, stage, firstStage, name);
}
