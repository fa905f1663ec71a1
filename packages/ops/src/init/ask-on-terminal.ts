import { isCancel, log, multiselect, password, select, text } from "@clack/prompts";
import type { CliIo, Terminal } from "@dbward-aws/cli";
import { escapeControls } from "@dbward-aws/core";
import { type Check, type Choice, type Questions, QuestionsEndedError } from "./questions.ts";

/** Rows of a list that are shown at a time. */
const ROWS = 10;

/** Asks the person at a terminal. */
export function askOnTerminal({ signal }: Pick<CliIo, "signal">, terminal: Terminal): Questions {
  const common = { ...terminal, signal };
  const answered = <T>(answer: T): Exclude<T, symbol> => {
    if (isCancel(answer)) throw new QuestionsEndedError();
    return answer as Exclude<T, symbol>;
  };
  return {
    async choose(message, choices, initial) {
      const at = choices.findIndex(({ value }) => value === initial);
      const index = await select({
        ...common,
        message,
        options: optionsOf(choices),
        initialValue: Math.max(at, 0),
        maxItems: ROWS,
      });
      return choices[answered(index)]!.value;
    },
    async chooseSome(message, choices, initial) {
      const indexes = await multiselect({
        ...common,
        message,
        options: optionsOf(choices),
        initialValues: choices.flatMap(({ value }, index) => (initial.includes(value) ? [index] : [])),
        maxItems: ROWS,
      });
      return answered(indexes).map((index) => choices[index]!.value);
    },
    async enter(message, { initial, check } = {}) {
      const answer = await text({
        ...common,
        message,
        ...(initial === undefined ? {} : { initialValue: initial }),
        validate: validator(check),
      });
      return answered(answer).trim();
    },
    async enterSecret(message, check) {
      return answered(await password({ ...common, message, mask: "", validate: validator(check) }));
    },
    say: (line) => log.message(escapeControls(line), { output: terminal.output }),
  };
}

/** By their places, because clack tells options apart by their values. Labels come from AWS. */
function optionsOf(choices: readonly Choice<unknown>[]) {
  return choices.map(({ label, hint }, value) => ({
    value,
    label: escapeControls(label),
    ...(hint === undefined ? {} : { hint: escapeControls(hint) }),
  }));
}

function validator(check: Check | undefined) {
  return (entered: string | undefined) => check?.((entered ?? "").trim());
}
