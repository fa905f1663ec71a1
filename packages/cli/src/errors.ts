import { DbwardError } from "@dbward-aws/core";

/**
 * The command line is wrong: an unknown command or option, a missing or invalid value. The exit code is 2.
 */
export class UsageError extends DbwardError {
  override readonly name = "UsageError";

  constructor(problem: string, hint: string) {
    super("usage", problem, { hint });
  }
}
