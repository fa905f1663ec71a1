import { DbwardError } from "@dbward-aws/core";

/** The function's environment is incomplete or not valid. */
export class ApplyEnvironmentError extends DbwardError {
  override readonly name = "ApplyEnvironmentError";

  /** @param problems one text for each */
  constructor(problems: readonly string[]) {
    super("apply-environment", `The function's environment is not valid: ${problems.join("; ")}.`, {
      hint: "Deploy the monitoring stack again; it sets these variables.",
    });
  }
}

/** A call of AWS failed. The run has changed nothing, and the next one does the same again. */
export class ApplyCallError extends DbwardError {
  override readonly name = "ApplyCallError";

  /** @param what what was being done, as the beginning of a sentence */
  constructor(what: string, cause: unknown) {
    super("apply-call", `${what} failed: ${(cause as Error).name}.`, {
      cause,
      hint:
        "The next run, 5 minutes later, tries again. Until it succeeds, take changes over with `pnpm ops restart`. " +
        "Check that the function's role is as it was deployed.",
    });
  }
}

/** @throws ApplyCallError in place of what `call` rejects with */
export async function during<T>(what: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new ApplyCallError(what, error);
  }
}

/** As {@link during}, with `undefined` for something that doesn't exist. @param missing name of that error */
export async function ifThere<T>(what: string, missing: string, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if ((error as Error).name === missing) return undefined;
    throw new ApplyCallError(what, error);
  }
}
