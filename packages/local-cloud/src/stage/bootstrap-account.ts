import type { Deadline } from "@dbward-aws/core";
import { LOCAL_REGION } from "./environment.ts";
import { ToolFailed } from "./errors.ts";
import { runTool } from "./run-tool.ts";

/** MiniStack's account. */
const LOCAL_ACCOUNT = "000000000000";

/** What `cdk bootstrap` needs. */
export interface AccountBootstrap {
  /** Path of the script of the CDK command line tool. */
  readonly cdk: string;
  /** A folder without cdk.json: an app named there would be synthesised for nothing. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
  readonly deadline: Deadline;
}

/**
 * Prepares the emulated account for CDK deployments. sst would do it by itself, but only after its build; so it is
 * done while the workspace is being built.
 *
 * @throws {@link ToolFailed} `account-bootstrap-failed`
 */
export async function bootstrapAccount({ cdk, ...run }: AccountBootstrap): Promise<void> {
  const { exitCode, lastLines } = await runTool({
    ...run,
    command: process.execPath,
    args: [
      cdk,
      "bootstrap",
      `aws://${LOCAL_ACCOUNT}/${LOCAL_REGION}`,
      "--no-version-reporting",
      "--no-notices",
      "--ci",
    ],
  });
  if (exitCode === 0) return;
  throw new ToolFailed(
    "account-bootstrap-failed",
    `cdk bootstrap of the emulated account failed: ${run.deadline.passed ? "it took too long" : lastLines.at(-1)}.`,
    { hint: `All that it printed is in ${run.log}; the emulated account's own log is beside it.` },
  );
}
