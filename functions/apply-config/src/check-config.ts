import { paginateGetParameterHistory, type SSMClient } from "@aws-sdk/client-ssm";
import { type Deadline, redact } from "@dbward-aws/core";
import { checkDeployedConfig, emptiedSectionsOfTexts } from "@dbward-aws/dbward-config";
import type { DeployedService } from "./deployed-services.ts";
import { during } from "./errors.ts";
import type { CurrentText } from "./stored-values.ts";

/** Most mistakes that are told. */
const MOST_MISTAKES = 5;
/** Most characters of one. */
const LONGEST_MISTAKE = 300;

/**
 * What keeps a service from starting with a text, each with its line and its rule; empty when it would start.
 *
 * @throws ApplyCallError
 */
export async function checkConfig(
  service: Pick<DeployedService, "container" | "since">,
  { parameter, text }: CurrentText,
  ssm: SSMClient,
  deadline: Deadline,
): Promise<string[]> {
  const { container, since } = service;
  const { problems } = checkDeployedConfig(parameter, text, container);
  const mistakes = problems.map(
    ({ where, message, rule }) => `${where}: ${message}${rule ? ` [${rule}]` : ""}`,
  );
  if (container.program === "server" && mistakes.length === 0) {
    const before = await textAt(parameter, since, ssm, deadline);
    for (const section of before === undefined ? [] : emptiedSectionsOfTexts(before, text))
      mistakes.push(
        `${parameter}: has no [[${section}]], but the running server was started with some, and dbward refuses to start after the ` +
          "last one was removed. Keep at least one entry [emptied-section]",
      );
  }
  const shown = mistakes.slice(0, MOST_MISTAKES).map((mistake) => shortened(redact(mistake)));
  return mistakes.length > MOST_MISTAKES ? [...shown, `and ${mistakes.length - MOST_MISTAKES} more`] : shown;
}

/** The text that a parameter had at a time; `undefined` when it did not exist, or that version is forgotten. */
async function textAt(
  parameter: string,
  time: Date,
  ssm: SSMClient,
  { signal }: Deadline,
): Promise<string | undefined> {
  const pages = paginateGetParameterHistory(
    { client: ssm },
    { Name: parameter, WithDecryption: true },
    { abortSignal: signal },
  );
  let text: string | undefined;
  await during(
    `Reading the versions of SSM parameter ${parameter}`,
    (async () => {
      // Oldest first.
      for await (const { Parameters = [] } of pages)
        for (const { LastModifiedDate, Value } of Parameters)
          if (LastModifiedDate && LastModifiedDate <= time) text = Value;
    })(),
  );
  return text;
}

function shortened(mistake: string): string {
  return mistake.length > LONGEST_MISTAKE ? `${mistake.slice(0, LONGEST_MISTAKE)}…` : mistake;
}
