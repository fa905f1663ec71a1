import { DbwardError } from "@dbward-aws/core";

/** A backup could not be made, or not be restored. */
export class BackupError extends DbwardError {
  override readonly name = "BackupError";

  constructor(message: string, hint: string) {
    super("backup-failed", message, { hint });
  }
}
