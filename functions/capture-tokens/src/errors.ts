import { CAPTURE_AGAIN_PARAMETER } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";

/** The properties of the custom resource are not valid: function and template are of different versions. */
export class BadRequest extends DbwardError {
  override readonly name = "BadRequest";
  /** @param problems all of them */
  constructor(problems: readonly string[]) {
    super(
      "capture-bad-request",
      `The properties of the custom resource are not valid: ${problems.join("; ")}.`,
      {
        hint: "Deploy the function and the stack from the same version.",
      },
    );
  }
}

/** No task of the expected task definition started. */
export class ServerNotRunning extends DbwardError {
  override readonly name = "ServerNotRunning";
  /** @param lastLogLines the last lines of the server's log, redacted, oldest first */
  constructor(seen: string, lastLogLines: readonly string[] = []) {
    const log = lastLogLines.length > 0 ? ` Its last log lines: ${lastLogLines.join(" | ")}` : "";
    super("capture-server-not-running", `The dbward server did not start: ${seen}.${log}`, {
      hint: "Fix the cause, which ECS or the server's log names above, then deploy again.",
    });
  }
}

/** The server's service has a desired count of 0. */
export class ServerStopped extends DbwardError {
  override readonly name = "ServerStopped";
  constructor(cluster: string, service: string) {
    super(
      "capture-server-stopped",
      `The service ${service} has a desired count of 0, so that no server starts.`,
      {
        hint:
          `Start it, then deploy again: aws ecs update-service --cluster ${cluster} --service ${service} ` +
          "--desired-count 1",
      },
    );
  }
}

/** The server's task is running, but ECS Exec can't connect to it. */
export class ExecNotReady extends DbwardError {
  override readonly name = "ExecNotReady";
  constructor(seen: string, cause?: unknown) {
    super("capture-exec-not-ready", `ECS Exec into the server's task did not become ready: ${seen}.`, {
      cause,
      hint:
        "Check that the service has enableExecuteCommand, that the task role allows the four ssmmessages " +
        "actions, that the subnets have a route to ssmmessages, and that the container has a writable root " +
        "file system; or set capture.method to `task`.",
    });
  }
}

/** AWS still refuses a call of the function after the time in which a new permission takes effect. */
export class AccessRefused extends DbwardError {
  override readonly name = "AccessRefused";
  constructor(doing: string, seconds: number, answer: string, cause: unknown) {
    super("capture-access-denied", `AWS refused ${doing} for ${seconds} s: ${answer}.`, {
      cause,
      hint:
        "Find what denies it: a service control policy, a permissions boundary, or a change of the capture " +
        "function's role; then deploy again.",
    });
  }
}

/** The cluster logs the content of its exec sessions, tokens included. */
export class SessionsAreLogged extends DbwardError {
  override readonly name = "SessionsAreLogged";
  constructor(setting: string) {
    super("capture-session-logging", `The cluster logs its exec sessions (logging: ${setting}).`, {
      hint:
        "A capture would write the tokens to that log. Set logging to NONE in the cluster's " +
        "executeCommandConfiguration, or capture.method to `task`, or capture.allowSessionLogging to true.",
    });
  }
}

/** The session or the task that reads the files failed. */
export class ScriptFailed extends DbwardError {
  override readonly name: string = "ScriptFailed";
  constructor(what: string, cause?: unknown) {
    super("capture-script-failed", `Reading the tokens in the container failed: ${what}.`, {
      cause,
      hint: "Deploy again: stored tokens are kept, and the others are captured then.",
    });
  }
}

/** The output of the container is not that of the script. */
export class BadReport extends ScriptFailed {
  override readonly name = "BadReport";
  constructor(problem: string) {
    super(`its report is not valid: ${problem}`);
  }
}

/** A token file is missing, or does not contain what a server writes. */
export class BadTokenFile extends DbwardError {
  override readonly name = "BadTokenFile";
  /** @param found length and prefix at most, never the content */
  constructor(path: string, found: string) {
    super("capture-token-file", `${path} does not contain a token: ${found}.`, {
      hint:
        "The server can't show a token again. Start it once with --force-bootstrap, which revokes the old " +
        "tokens and writes new files; then deploy again.",
    });
  }
}

/** Two secrets would have the same token, so that an agent could have the administrator's permissions. */
export class SameToken extends DbwardError {
  override readonly name = "SameToken";
  constructor(label: string) {
    super(
      "capture-same-token",
      `${label} is the same token as another one of the stage, and was not stored.`,
      {
        hint:
          "A dbward server never creates the same token twice: find out who wrote to its state directory. " +
          "Start the server once with --force-bootstrap, empty the secrets, then deploy again.",
      },
    );
  }
}

/** The server does not have the role that allows the poller to read metrics. */
export class RoleMissing extends DbwardError {
  override readonly name = "RoleMissing";
  constructor(role: string, answer: string) {
    super("capture-role-missing", `The server has no role ${role} for the poller's token: ${answer}.`, {
      hint:
        "The deployment adds the role to server.toml when a task starts, whether it comes from a file or " +
        "from SSM: this task has another command or configuration. Restart the server, then deploy again. " +
        "All other tokens are stored.",
    });
  }
}

/** The server refused to create a token. */
export class MintRefused extends DbwardError {
  override readonly name = "MintRefused";
  constructor(label: string, answer: string) {
    super("capture-mint-refused", `The server did not create the ${label}: ${answer}.`, {
      hint: "Fix what the server's answer names, then deploy again: stored tokens are kept.",
    });
  }
}

/** The plan of the server's license does not allow another user for the poller. */
export class UserLimitReached extends DbwardError {
  override readonly name = "UserLimitReached";
  constructor(user: string, answer: string) {
    super(
      "capture-user-limit",
      `The server accepts no more users, so that ${user} can't be created: ${answer}.`,
      {
        hint:
          "The free plan has 20 active users, including admin and agent. Remove a user that is no longer " +
          "needed (dbward user list, dbward user rm ID, with the admin token), or use a license for more " +
          "users; then deploy again. All other tokens are stored.",
      },
    );
  }
}

/** An agent has reached its limit of active tokens. */
export class TokenLimitReached extends DbwardError {
  override readonly name = "TokenLimitReached";
  constructor(agent: string, answer: string) {
    super("capture-token-limit", `The agent ${agent} has reached its limit of active tokens: ${answer}.`, {
      hint:
        `Revoke those that are not in use (dbward token list --subject ${agent} --status active, dbward ` +
        "token revoke ID, with the admin token); expired tokens count until they are revoked. Then deploy " +
        "again. All other tokens are stored.",
    });
  }
}

/** The poller's user is suspended. */
export class UserSuspended extends DbwardError {
  override readonly name = "UserSuspended";
  constructor(label: string, user: string, answer: string) {
    super(
      "capture-user-suspended",
      `The server did not create the ${label}, because the user ${user} is suspended: ${answer}.`,
      {
        hint:
          `Activate it (dbward user activate ${user}, with the admin token), then deploy again. All other ` +
          "tokens are stored.",
      },
    );
  }
}

/** Secrets Manager failed to read or store a token. */
export class SecretFailed extends DbwardError {
  override readonly name = "SecretFailed";
  constructor(doing: string, label: string, answer: string, cause?: unknown) {
    super("capture-secret-failed", `${doing} the secret of ${label} failed: ${answer}.`, {
      cause,
      hint: "Fix the secret or the permissions for it, then deploy again: stored tokens are kept.",
    });
  }
}

/** The server does not accept the token of a secret. */
export class StoredTokenRefused extends DbwardError {
  override readonly name = "StoredTokenRefused";
  constructor(label: string, secret: string) {
    super("capture-token-refused", `The server does not accept the stored ${label}.`, {
      hint:
        "It was kept, because a capture never replaces a token. To capture a new one, empty the secret: " +
        `aws secretsmanager put-secret-value --secret-id ${secret} --secret-string ' '; then deploy, with ` +
        `a new value of the Server stack's parameter ${CAPTURE_AGAIN_PARAMETER} if nothing else has ` +
        "changed.",
    });
  }
}

/** More than one token could not be captured. */
export class SeveralProblems extends DbwardError {
  override readonly name = "SeveralProblems";
  constructor(problems: readonly DbwardError[]) {
    const list = problems.map((problem, index) => `(${index + 1}) ${problem.message}`).join(" ");
    super("capture-incomplete", `${problems.length} tokens could not be captured. ${list}`, {
      cause: problems[0],
      hint: "Fix each problem, then deploy again: stored tokens are kept.",
    });
  }
}
