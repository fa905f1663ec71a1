import type { PollFailureReason } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";

/** The function's environment is incomplete or not valid. */
export class PollerEnvironmentError extends DbwardError {
  override readonly name = "PollerEnvironmentError";

  /** @param problems one text for each */
  constructor(problems: readonly string[]) {
    super("poller-environment", `The poller's environment is not valid: ${problems.join("; ")}.`, {
      hint: "Deploy the monitoring stack again; it sets these variables.",
    });
  }
}

/** The poller's token is missing or can't be read. It becomes a measurement. */
export class TokenUnavailableError extends DbwardError {
  override readonly name = "TokenUnavailableError";
  readonly reason: Extract<PollFailureReason, "token-missing" | "secrets">;

  constructor(reason: TokenUnavailableError["reason"], secret: string, cause?: unknown) {
    const missing = reason === "token-missing";
    super(
      missing ? "poller-token-missing" : "poller-token-unreadable",
      missing ? `The secret ${secret} does not contain a token.` : `Reading the secret ${secret} failed.`,
      {
        cause,
        hint: missing
          ? "Deploy again to capture it, or store a token with the permission metrics.view in the secret."
          : "Check that the poller's role may read it and that its subnets have a route to Secrets Manager.",
      },
    );
    this.reason = reason;
  }
}

/** ECS did not return the number of tasks. */
export class TaskCountError extends DbwardError {
  override readonly name = "TaskCountError";
  readonly reason: Extract<PollFailureReason, "ecs"> = "ecs";

  constructor(problem: string, cause?: unknown) {
    super("poller-task-counts", `Describing the services in ECS failed: ${problem}.`, {
      cause,
      hint:
        "Check that the services exist, that the poller's role may describe them, and that its subnets " +
        "have a route to ECS.",
    });
  }
}
