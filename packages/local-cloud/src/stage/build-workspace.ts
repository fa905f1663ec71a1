import type { Deadline } from "@dbward-aws/core";
import { runTool } from "@dbward-aws/local-account";
import { ToolFailed } from "./errors.ts";

/** What the build needs. */
export interface WorkspaceBuild {
  /** Path of turbo's script. */
  readonly turbo: string;
  readonly root: string;
  readonly log: string;
  readonly deadline: Deadline;
}

/**
 * Builds what a deployment is made of: sst loads workspace packages as JavaScript, and the functions are
 * bundles. turbo's cache answers when nothing changed.
 *
 * @throws {@link ToolFailed} `build-failed`
 */
export async function buildWorkspace({ turbo, root, log, deadline }: WorkspaceBuild): Promise<void> {
  const { exitCode, lastLines } = await runTool({
    // What it builds belongs to the checkout, not to the stage, whose files are for their owner alone.
    command: "/bin/sh",
    args: [
      "-c",
      'umask 022; exec "$@"',
      "build",
      process.execPath,
      turbo,
      "run",
      "build",
      "--filter=@dbward-aws/infra...",
      "--output-logs=errors-only",
      "--ui=stream",
    ],
    cwd: root,
    env: {
      ...(process.env as Record<string, string>),
      TURBO_TELEMETRY_DISABLED: "1",
      // What is installed was checked when `pnpm local` started; once a package more is a second each.
      pnpm_config_verify_deps_before_run: "false",
    },
    log,
    deadline,
  });
  if (exitCode === 0) return;
  const lines = lastLines.slice(-SHOWN_LINES).map((line) => `  ${line}`);
  const why = deadline.passed ? "it took too long" : `turbo ended with ${exitCode ?? "a signal"}`;
  throw new ToolFailed("build-failed", `Building the workspace failed: ${why}.\n${lines.join("\n")}\n`, {
    hint: `All that it printed is in ${log}. To see it again: pnpm build`,
  });
}

const SHOWN_LINES = 12;
