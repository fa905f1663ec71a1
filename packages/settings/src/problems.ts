import { DbwardError } from "@dbward-aws/core";

/** A mistake: where it is and what to write instead. */
export interface Problem {
  /** Path in dbward.config.ts such as `stages.prod.server.image.tag`, or `server.toml:12`. */
  readonly where: string;
  readonly message: string;
}

/** The place of a setting, as {@link Problem.where} has it. @param path path inside the stage, or an empty string */
export function placeOf(stage: string, path: string): string {
  return `dbward.config.ts: stages.${stage}${path && `.${path}`}`;
}

/** The settings of a stage are invalid. Thrown once, with all mistakes. */
export class SettingsError extends DbwardError {
  override readonly name = "SettingsError";
  readonly problems: readonly Problem[];

  constructor(stage: string, problems: readonly Problem[]) {
    const count = problems.length === 1 ? "1 mistake" : `${problems.length} mistakes`;
    const lines = problems.map(({ where, message }) => `\n  ${where}: ${message}`).join("");
    super("settings-invalid", `The settings of stage "${stage}" have ${count}:${lines}\n`, {
      hint: "Nothing was created. docs/settings.md lists every setting.",
    });
    this.problems = problems;
  }
}
