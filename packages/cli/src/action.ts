import { confirm, isCancel, text } from "@clack/prompts";
import { escapeControls } from "@dbward-aws/core";
import type { Argv } from "yargs";
import { UsageError } from "./errors.ts";
import type { CliIo } from "./io.ts";
import { createProgress, type Progress } from "./progress.ts";

/** What the options of a command that changes something are. */
export interface ActionOptions {
  /** Don't ask. */
  readonly yes: boolean;
  /** Show the plan and change nothing. */
  readonly dryRun: boolean;
  /** Print the plan or the result as JSON. */
  readonly json: boolean;
}

/** Declares `--yes`, `--dry-run` and `--json`. */
export function actionOptions<T>(yargs: Argv<T>) {
  return yargs
    .option("yes", { alias: "y", type: "boolean", default: false, describe: "Don't ask before acting" })
    .option("dry-run", { type: "boolean", default: false, describe: "Show the plan, and change nothing" })
    .option("json", { type: "boolean", default: false, describe: "Print the plan or the result as JSON" });
}

/** What a command is about to do. */
export interface Plan {
  /** One line, such as `Restart 2 services of stage prod`. */
  readonly title: string;
  /** What will happen, in order. Nothing to do when empty. */
  readonly steps: readonly string[];
  /** Lines below the steps: what stays as it is, what it costs. */
  readonly notes?: readonly string[];
  /**
   * A word that the user has to type, for what can't be undone. `--yes` doesn't replace it.
   * @default - a yes is enough
   */
  readonly confirmation?: string;
  /** {@link confirmation} from the command line, such as `--confirm prod`. */
  readonly confirmed?: string | undefined;
}

/** Further fields of the JSON output. */
export type Result = Readonly<Record<string, unknown>>;

/**
 * Shows a plan, asks, carries it out with progress, and prints the result as JSON where that was asked for.
 *
 * @param perform carries out the plan, and checks that it worked. @returns what the JSON output has beside
 * the plan
 * @returns the exit code: 0 when it was done or there was nothing to do, 1 when the user declined
 * @throws UsageError when a question can't be asked, because there is no terminal
 */
export async function act(
  io: CliIo,
  { yes, dryRun, json }: ActionOptions,
  plan: Plan,
  perform: (progress: Progress) => Promise<Result | undefined>,
): Promise<number> {
  const { title, steps, notes = [], confirmation, confirmed } = plan;
  const printJson = (status: string, result: Result = {}) =>
    io.print(JSON.stringify({ status, title, steps, ...(notes.length > 0 && { notes }), ...result }));
  const show = (line: string) => (json ? io.complain : io.print)(escapeControls(line));
  if (!json || !(dryRun || steps.length === 0)) {
    show(`${title}${steps.length === 0 ? ": nothing to do." : ":"}`);
    for (const [index, step] of steps.entries()) show(`  ${index + 1}. ${step}`);
    for (const note of notes) show(note);
  }
  if (dryRun || steps.length === 0) {
    if (json) printJson(dryRun ? "planned" : "nothing-to-do");
    return 0;
  }
  const agreed =
    confirmation === undefined
      ? yes || (await askYes(io))
      : confirmed === confirmation || (confirmed === undefined && (await askWord(io, confirmation)));
  if (!agreed) {
    show("Nothing was changed.");
    if (json) printJson("declined");
    return 1;
  }
  const progress = createProgress(io, json);
  try {
    const result = await perform(progress);
    if (json) printJson("done", result);
    return 0;
  } finally {
    progress.stop();
  }
}

async function askYes({ terminal, signal }: CliIo): Promise<boolean> {
  if (!terminal)
    throw new UsageError(
      "This command asks before it changes anything, and there is no terminal to ask on.",
      "Add --yes, or --dry-run to see the plan only.",
    );
  const answer = await confirm({ message: "Continue?", initialValue: false, ...terminal, signal });
  return answer === true;
}

async function askWord({ terminal, signal }: CliIo, word: string): Promise<boolean> {
  if (!terminal)
    throw new UsageError(
      "This can't be undone, and there is no terminal to ask on.",
      `Add --confirm ${word}, or --dry-run to see the plan only.`,
    );
  const answer = await text({
    message: `This can't be undone. Type ${word} to continue.`,
    ...terminal,
    signal,
  });
  return !isCancel(answer) && answer === word;
}
