import type { RefusedConfig } from "@dbward-aws/contract";
import type { Notice } from "./plan.ts";

/** An e-mail or another message of SNS. */
export interface Message {
  /** Fewer than 100 ASCII characters. */
  readonly subject: string;
  readonly text: string;
}

/** Puts notices into words. A configuration that several services refuse for the same reason is one message. */
export function messagesOf(stage: string, notices: readonly Notice[]): Message[] {
  const refusals = new Map<string, { refused: RefusedConfig; words: string[] }>();
  const messages: Message[] = [];
  for (const notice of notices) {
    const word = wordOf(notice.service);
    if (notice.kind === "refused") {
      const key = JSON.stringify(notice.refused);
      const same = refusals.get(key) ?? { refused: notice.refused, words: [] };
      same.words.push(word);
      refusals.set(key, same);
    } else messages.push(failure(stage, word, notice));
  }
  return [...[...refusals.values()].map(({ refused, words }) => refusal(stage, refused, words)), ...messages];
}

function refusal(stage: string, { parameter, version, mistakes }: RefusedConfig, words: string[]): Message {
  const what =
    version === 0
      ? `SSM parameter ${parameter} was deleted`
      : `Version ${version} of SSM parameter ${parameter} was refused`;
  return {
    subject: `dbward ${stage}: a configuration was refused`,
    text: [
      `${what}. Nothing was restarted: ${words.join(", ")} of dbward ${stage} still has the text from before.`,
      "",
      ...mistakes,
      "",
      "Act soon: a task that ECS has to replace reads the parameter, and does not start.",
      `Next step: correct it with \`pnpm ops config push ${words[0]} --stage ${stage}\`, which checks the file first.`,
    ].join("\n"),
  };
}

function failure(
  stage: string,
  word: string,
  { service, changes }: Extract<Notice, { kind: "failed" }>,
): Message {
  const cause = changes.length > 0 ? ` with the new value of ${changes.join(", ")}` : "";
  return {
    subject: `dbward ${stage}: new tasks did not start`,
    text: [
      `New tasks of ${word} of dbward ${stage} did not start${cause}.`,
      service.agent === undefined
        ? "The server is not running: there is only ever one task, and ECS has given up starting it."
        : "ECS has gone back to the tasks from before, which still have the former values.",
      "It is not tried again until one of the values changes.",
      "",
      `Next step: find the cause with \`pnpm ops doctor --stage ${stage}\`, store a value that works, or run \`pnpm ops restart ${word} --stage ${stage}\`.`,
    ].join("\n"),
  };
}

/** The words by which `pnpm ops` knows a service. */
function wordOf({ agent }: Notice["service"]): string {
  return agent === undefined ? "server" : `agent ${agent}`;
}
