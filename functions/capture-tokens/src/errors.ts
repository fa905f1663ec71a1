import { CAPTURE_AGAIN_PARAMETER } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";

/** CloudFormation handed the function properties that it can't use: function and template are of different versions. */
export class BadRequest extends DbwardError {
  override readonly name = "BadRequest";
  /** @param problems all of them */
  constructor(problems: readonly string[]) {
    super("capture-bad-request", `The custom resource's properties can't be used: ${problems.join("; ")}.`, {
      hint: "Deploy function and stack from the same version.",
    });
  }
}

/** No task of the expected task definition came up. */
export class ServerNotRunning extends DbwardError {
  override readonly name = "ServerNotRunning";
  /** @param lastWords last lines of the server's log, redacted, oldest first */
  constructor(seen: string, lastWords: readonly string[] = []) {
    const log = lastWords.length > 0 ? ` Its last log lines: ${lastWords.join(" | ")}` : "";
    super("capture-server-not-running", `The dbward server did not come up: ${seen}.${log}`, {
      hint: "Fix what the log says, then deploy again.",
    });
  }
}

/** The server's service is to run no task at all. */
export class ServerStopped extends DbwardError {
  override readonly name = "ServerStopped";
  constructor(cluster: string, service: string) {
    super(
      "capture-server-stopped",
      `The service ${service} has a desired count of 0: no server will start.`,
      {
        hint: `Start it, then deploy again: aws ecs update-service --cluster ${cluster} --service ${service} --desired-count 1`,
      },
    );
  }
}

/** The server's task runs, but nobody can get into it with ECS Exec. */
export class ExecNotReady extends DbwardError {
  override readonly name = "ExecNotReady";
  constructor(seen: string, cause?: unknown) {
    super("capture-exec-not-ready", `ECS Exec into the server's task did not become ready: ${seen}.`, {
      cause,
      hint:
        "Check that the service has enableExecuteCommand, the task role the four ssmmessages actions, the subnets a way to " +
        "ssmmessages, and the container a writable root file system; or set capture.method to `task`.",
    });
  }
}

/** AWS refuses the function a call, also after the time in which a new right comes into force. */
export class AccessRefused extends DbwardError {
  override readonly name = "AccessRefused";
  constructor(doing: string, seconds: number, answer: string, cause: unknown) {
    super("capture-access-denied", `AWS refused ${doing} for ${seconds} s: ${answer}.`, {
      cause,
      hint:
        "Look for what denies it: a service control policy, a permissions boundary, or a change of the capture " +
        "function's role; then deploy again.",
    });
  }
}

/** The cluster writes what is said in its exec sessions, tokens included, into a log. */
export class SessionsAreLogged extends DbwardError {
  override readonly name = "SessionsAreLogged";
  constructor(setting: string) {
    super("capture-session-logging", `The cluster logs its exec sessions (logging: ${setting}).`, {
      hint:
        "A capture would leave the tokens in that log. Set the cluster's executeCommandConfiguration to logging NONE, or " +
        "capture.method to `task`, or write capture.allowSessionLogging: true.",
    });
  }
}

/** The session or the task that was to read the files did not do its work. */
export class ScriptFailed extends DbwardError {
  override readonly name: string = "ScriptFailed";
  constructor(what: string, cause?: unknown) {
    super("capture-script-failed", `Reading the tokens in the container failed: ${what}.`, {
      cause,
      hint: "Deploy again: what has been stored is kept, the rest is captured then.",
    });
  }
}

/** What came out of the container is not what a script prints. */
export class BadReport extends ScriptFailed {
  override readonly name = "BadReport";
  constructor(problem: string) {
    super(`its report makes no sense: ${problem}`);
  }
}

/** A token file is not there, or is not what a server writes. */
export class BadTokenFile extends DbwardError {
  override readonly name = "BadTokenFile";
  /** @param found length and prefix at most, never the content */
  constructor(path: string, found: string) {
    super("capture-token-file", `${path} holds no token: ${found}.`, {
      hint:
        "Tokens can't be read back. Start the server once with --force-bootstrap: it revokes the old tokens and writes new " +
        "files; then deploy again.",
    });
  }
}

/** Two secrets would hold one token: the holder of the lesser one could do everything. */
export class SameToken extends DbwardError {
  override readonly name = "SameToken";
  constructor(label: string) {
    super(
      "capture-same-token",
      `${label} is the same token as another one of the stage; it was not accepted.`,
      {
        hint:
          "A dbward server makes each token once: look who wrote to its state directory. Start the server once with " +
          "--force-bootstrap, empty the secrets, then deploy again.",
      },
    );
  }
}

/** The server knows no role that lets the poller read metrics. */
export class RoleMissing extends DbwardError {
  override readonly name = "RoleMissing";
  constructor(role: string, permission: string, source: "rendered" | "ssm", answer: string) {
    const lines = `[[auth.roles]] name = "${role}" permissions = ["${permission}"]`;
    super("capture-role-missing", `The server has no role ${role} for the poller's token: ${answer}.`, {
      hint:
        source === "ssm"
          ? `Add these lines to the server.toml in SSM: ${lines}; restart the service, then deploy again. All other tokens are stored.`
          : `The rendered server.toml has it (${lines}): check that the running task is the one just deployed. All other tokens are stored.`,
    });
  }
}

/** The server did not make a token that it was asked for. */
export class MintRefused extends DbwardError {
  override readonly name = "MintRefused";
  constructor(label: string, answer: string) {
    super("capture-mint-refused", `The server made no ${label}: ${answer}.`, {
      hint: "Fix what the server says, then deploy again: what has been stored is kept.",
    });
  }
}

/** The plan of the server's licence has no room for the poller's user. */
export class UserLimitReached extends DbwardError {
  override readonly name = "UserLimitReached";
  constructor(user: string, answer: string) {
    super(
      "capture-user-limit",
      `The server takes no further user, so that ${user} can't be made: ${answer}.`,
      {
        hint:
          "The free plan has 20 active users, of which admin and agent are two. Remove one that nobody needs " +
          "(dbward user list, dbward user rm ID, with the admin token), or use a licence with more; then deploy again. " +
          "All other tokens are stored.",
      },
    );
  }
}

/** An agent has as many active tokens as the server allows. */
export class TokenLimitReached extends DbwardError {
  override readonly name = "TokenLimitReached";
  constructor(agent: string, answer: string) {
    super("capture-token-limit", `The agent ${agent} has as many active tokens as it may have: ${answer}.`, {
      hint:
        `Revoke those that nobody uses (dbward token list --subject ${agent} --status active, dbward token revoke ID, ` +
        "with the admin token); expired ones count until they are revoked. Then deploy again. All other tokens are stored.",
    });
  }
}

/** The poller's user is suspended. */
export class UserSuspended extends DbwardError {
  override readonly name = "UserSuspended";
  constructor(label: string, user: string, answer: string) {
    super(
      "capture-user-suspended",
      `The server makes no ${label}, as the user ${user} is suspended: ${answer}.`,
      {
        hint: `Activate it (dbward user activate ${user}, with the admin token), then deploy again. All other tokens are stored.`,
      },
    );
  }
}

/** Secrets Manager did not take or give a token. */
export class SecretFailed extends DbwardError {
  override readonly name = "SecretFailed";
  constructor(doing: string, label: string, answer: string, cause?: unknown) {
    super("capture-secret-failed", `${doing} the secret of ${label} failed: ${answer}.`, {
      cause,
      hint: "Fix the secret or the rights to it, then deploy again: what has been stored is kept.",
    });
  }
}

/** A secret holds a token that the server does not accept. */
export class StoredTokenRefused extends DbwardError {
  override readonly name = "StoredTokenRefused";
  constructor(label: string, secret: string) {
    super("capture-token-refused", `The server refuses the stored ${label}.`, {
      hint:
        "It is kept, as nothing is rotated unasked. To have it captured anew, blank it: " +
        `aws secretsmanager put-secret-value --secret-id ${secret} --secret-string ' '; then deploy, with a new value of ` +
        `the Server stack's parameter ${CAPTURE_AGAIN_PARAMETER} when nothing else has changed.`,
    });
  }
}

/** More than one token could not be captured. */
export class SeveralProblems extends DbwardError {
  override readonly name = "SeveralProblems";
  constructor(problems: readonly DbwardError[]) {
    const list = problems.map((problem, index) => `(${index + 1}) ${problem.message}`).join(" ");
    super("capture-incomplete", `${problems.length} things went wrong. ${list}`, {
      cause: problems[0],
      hint: "Fix each, then deploy again: what has been stored is kept.",
    });
  }
}
