import { SettingsError } from "../problems.ts";

/** `path: message` of every mistake that `run` reports for stage `prod`, the path inside the stage. */
export function mistakesOf(run: () => unknown): string[] {
  try {
    run();
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems.map(
      ({ where, message }) => `${where.replace("dbward.config.ts: stages.prod.", "")}: ${message}`,
    );
  }
}
