import type { PollFailureReason } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";

/** The function's environment lacks something, or holds what can't be used. */
export class PollerEnvironmentError extends DbwardError {
  override readonly name = "PollerEnvironmentError";

  /** @param problems one text each */
  constructor(problems: readonly string[]) {
    super("poller-environment", `The poller's environment is not usable: ${problems.join("; ")}.`, {
      hint: "Deploy the monitoring stack again; it sets these variables.",
    });
  }
}

/** The poller's token could not be had. Thrown by `TokenSource`; a measurement for everybody else. */
export class TokenUnavailableError extends DbwardError {
  override readonly name = "TokenUnavailableError";
  readonly reason: Extract<PollFailureReason, "token-missing" | "secrets">;

  constructor(reason: TokenUnavailableError["reason"], secret: string, cause?: unknown) {
    const missing = reason === "token-missing";
    super(
      missing ? "poller-token-missing" : "poller-token-unreadable",
      missing ? `The secret ${secret} holds no token.` : `Reading the secret ${secret} failed.`,
      {
        cause,
        hint: missing
          ? "Let the deployment capture it, or put a token with the permission metrics.view into it."
          : "See that the poller's role may read it and that its subnets reach Secrets Manager.",
      },
    );
    this.reason = reason;
  }
}

/** ECS did not say how many tasks run. */
export class TaskCountError extends DbwardError {
  override readonly name = "TaskCountError";
  readonly reason: Extract<PollFailureReason, "ecs"> = "ecs";

  constructor(problem: string, cause?: unknown) {
    super("poller-task-counts", `Asking ECS for the services' tasks failed: ${problem}.`, {
      cause,
      hint: "See that the services exist, that the poller's role may describe them, and that its subnets reach ECS.",
    });
  }
}

/** The measurements did not reach CloudWatch: the one failure that is the poller's own. */
export class PublishError extends DbwardError {
  override readonly name = "PublishError";

  /** @param failed how many of the `all` measurements did not get there */
  constructor(failed: number, all: number, cause: unknown) {
    super("metrics-not-published", `Handing ${failed} of ${all} measurements to CloudWatch failed.`, {
      cause,
      hint: "See that the poller's subnets reach CloudWatch and that its role may put metrics, or set the publisher to emf.",
    });
  }
}
