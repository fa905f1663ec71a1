import { Deadline } from "@dbward-aws/core";
import type { StageClients } from "./clients.ts";
import type { Note, Progress } from "./progress.ts";
import { makeProjectView } from "./project-view.ts";
import { runSst } from "./sst.ts";
import { failureReasons, stageStacks } from "./stack-events.ts";

/** What one deployment may have of its own. */
export interface DeployOptions {
  /** Environment variables beside those of the stage. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds. @default 3600000 */
  readonly timeoutMs?: number;
}

/** What all deployments of a stage have in common. */
export interface DeploymentContext {
  readonly stage: string;
  readonly root: string;
  /** Folder in which sst works. */
  readonly view: string;
  /** File to deploy instead of the checkout's sst.config.ts. */
  readonly sstConfig: string | undefined;
  /** Path of sst's script. */
  readonly sst: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: (name: string) => string;
  readonly clients: StageClients;
  readonly progress: Progress;
  /** Resolves when the workspace is built and the account is prepared for the stage. */
  readonly prepare: () => Promise<unknown>;
  readonly signal: AbortSignal;
}

/** A custom resource of CloudFormation may take an hour; the caller can abort it. */
const DEPLOY_MS = 3_600_000;
const WATCH_MS = 500;

/**
 * Runs the real `sst deploy` or `sst remove`, and notes meanwhile what the stacks are doing.
 *
 * @throws ToolFailed with the resource that failed and why
 */
export async function runDeployment(
  context: DeploymentContext,
  verb: "deploy" | "remove",
  { env = {}, timeoutMs = DEPLOY_MS }: DeployOptions = {},
): Promise<void> {
  const { stage, clients, progress } = context;
  await context.prepare();
  await progress.step(`sst ${verb} --stage ${stage}`, async (note) => {
    const deadline = Deadline.after(timeoutMs, context.signal);
    const began = new Date();
    const watched = new AbortController();
    const watching = noteStacks(clients, stage, note, Deadline.after(timeoutMs, watched.signal));
    try {
      await makeProjectView(context.view, context.root, context.sstConfig);
      await runSst({
        verb,
        stage,
        sst: context.sst,
        view: context.view,
        env: { ...context.env, ...env },
        log: context.log(verb),
        deadline,
        failureReasons: () => failureReasons(clients.cloudFormation, stage, began),
      });
    } finally {
      watched.abort();
      await watching;
    }
  });
}

async function noteStacks(clients: StageClients, stage: string, note: Note, until: Deadline): Promise<void> {
  let noted = "";
  await until.until(async () => {
    const stacks = await stageStacks(clients.cloudFormation, stage).catch(() => []);
    const underWay = stacks.filter(({ status }) => !/^(CREATE|UPDATE|DELETE)_COMPLETE$/.test(status));
    const text = [
      ...(stacks.length > underWay.length ? [`${stacks.length - underWay.length} stacks complete`] : []),
      ...underWay.map(({ name, status }) => `${name.split("-").at(-1)} ${status}`),
    ].join(", ");
    if (text !== noted) note(text);
    noted = text;
    return undefined;
  }, WATCH_MS);
}
