import { SERVER } from "@dbward-aws/contract";
import { type AccountAccess, accountVariables } from "@dbward-aws/local-account";
import { StageNotRunning } from "../stage/errors.ts";
import type { StageStatus } from "../stage/status.ts";
import { fetchStatus } from "./control-client.ts";
import { runningStage } from "./show-status.ts";
import type { StageFiles } from "./stage-files.ts";

/**
 * Prints what other tools need to use the running stage, for `eval "$(pnpm -s local env)"` in a POSIX shell.
 *
 * @param stage whose server the tools call. @default - the account's first one
 * @throws StageNotRunning
 */
export async function showEnvironment(
  files: StageFiles,
  { stage }: { readonly stage?: string | undefined } = {},
): Promise<number> {
  const run = await runningStage(files);
  const status = await fetchStatus(run, stage);
  if (!status) throw new StageNotRunning();
  process.stdout.write(
    `${exportLines({ ...status, credentials: run.credentials }, process.env).join("\n")}\n`,
  );
  return 0;
}

/**
 * @param caller environment of the shell: what else it has of AWS, such as a profile, would lead elsewhere,
 * and is unset
 * @returns one command of the shell a line
 */
export function exportLines(
  stage: AccountAccess & Pick<StageStatus, "serverUrl">,
  caller: NodeJS.ProcessEnv,
): string[] {
  const variables = { ...accountVariables(stage), [SERVER.urlVariable]: stage.serverUrl };
  const foreign = Object.keys(caller).filter(
    (name) => /^AWS_\w+$/.test(name) && !(name in variables) && !HARMLESS.has(name),
  );
  return [
    ...(foreign.length > 0 ? [`unset ${foreign.sort().join(" ")}`] : []),
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`),
  ];
}

/** Settings that lead nowhere; the first is set by this command itself. */
const HARMLESS: ReadonlySet<string> = new Set([
  "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED",
  "AWS_CA_BUNDLE",
  "AWS_PAGER",
  "AWS_DEFAULT_OUTPUT",
]);

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
