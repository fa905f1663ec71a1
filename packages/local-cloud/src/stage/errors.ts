import { DbwardError } from "@dbward-aws/core";

/** The machine has no curl. Code `curl-missing`. */
export class CurlMissing extends DbwardError {
  override readonly name = "CurlMissing";

  constructor() {
    super("curl-missing", "The local stage needs curl, and the PATH has none.", {
      hint: "Install it (Debian and Ubuntu: `apt-get install curl`; Fedora: `dnf install curl`; Alpine: `apk add curl`), then run the command again.",
    });
  }
}

/**
 * A tool that the local stage ran (turbo, cdk, sst) failed or did not end in time. Codes `build-failed`,
 * `local-deploy-failed`, `local-remove-failed`, `endpoint-unresolved`.
 */
export class ToolFailed extends DbwardError {
  override readonly name = "ToolFailed";
}

/** What the system says when nothing can be written, in words, with what to do. */
const STORAGE_FAILURES: Readonly<Record<string, readonly [problem: string, hint: string]>> = {
  ENOSPC: [
    "the disk is full",
    "Make room (`pnpm local down` removes what the last run has written), then start it again.",
  ],
  EDQUOT: [
    "the disk quota is used up",
    "Make room (`pnpm local down` removes what the last run has written), then start it again.",
  ],
  EROFS: ["the file system is read-only", "Use a checkout on a file system that can be written to."],
  EACCES: [
    "permission is denied",
    "Make the folder and all below it writable for this user: another one may own files there.",
  ],
  EPERM: ["the operation is not permitted", "Make this user the owner of the folder and all below it."],
};

/** The local stage can't write its files. Code `local-stage-storage`. */
export class StorageFailed extends DbwardError {
  override readonly name = "StorageFailed";

  /**
   * What led to `error`, in words, when it is that a file below `directory` can't be written; else `error`
   * itself.
   */
  static explain(error: unknown, directory: string): unknown {
    for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
      const { code = "", path } = at as NodeJS.ErrnoException;
      const [problem, hint] = STORAGE_FAILURES[code] ?? [];
      if (problem && hint) return new StorageFailed(path ?? directory, problem, hint, error);
    }
    return error;
  }

  private constructor(path: string, problem: string, hint: string, cause: unknown) {
    super("local-stage-storage", `The local stage can't write to ${path}: ${problem}.`, { hint, cause });
  }
}

/** There is no local stage to ask. Start one. Code `local-stage-not-running`. */
export class StageNotRunning extends DbwardError {
  override readonly name = "StageNotRunning";

  constructor() {
    super("local-stage-not-running", "No local stage is running in this checkout.", {
      hint: "Start it with: pnpm local",
    });
  }
}

/** The local stage's own process ended before it was ready. Code `local-stage-ended`. */
export class StageEnded extends DbwardError {
  override readonly name = "StageEnded";

  constructor(logFile: string, lastLines: readonly string[]) {
    const lines = lastLines.length > 0 ? ` Its last lines:\n${lastLines.join("\n")}\n` : "";
    super("local-stage-ended", `The local stage's process ended unexpectedly.${lines}`, {
      hint: `Read ${logFile}, then start it again with: pnpm local`,
    });
  }
}
