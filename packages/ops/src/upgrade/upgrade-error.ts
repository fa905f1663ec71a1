import { DbwardError } from "@dbward-aws/core";

/** A stage can't be upgraded, or an upgrade failed. */
export class UpgradeError extends DbwardError {
  override readonly name = "UpgradeError";

  constructor(message: string, hint: string, cause?: unknown) {
    super("upgrade-failed", message, { hint, cause });
  }
}
