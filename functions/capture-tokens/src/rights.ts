import { describeError } from "@dbward-aws/core";
import { AccessRefused } from "./errors.ts";
import type { Tools } from "./tools.ts";

/** What waiting for a right needs of the {@link Tools}. */
export type RightsTools = Pick<Tools, "deadline" | "logger" | "patience">;

/**
 * Does what may be refused for some seconds, as IAM is eventually consistent: a right that was granted in the same update, to the function
 * or to a role that it passes on. It is tried again for `patience.rightsMs`.
 *
 * @param doing the call, as in `ecs:RunTask`
 * @throws what `call` throws; a refusal as it was at the last try
 */
export async function whenAllowed<T>(doing: string, call: () => Promise<T>, tools: RightsTools): Promise<T> {
  const { deadline, logger, patience } = tools;
  const began = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!isDenied(error) || deadline.passed || performance.now() - began >= patience.rightsMs) throw error;
      if (attempt === 1) logger.warn("capture.not-allowed-yet", { doing, error });
      await deadline.sleep(patience.pollMs);
    }
  }
}

/**
 * As {@link whenAllowed}, for a call whose refusal ends the capture.
 *
 * @throws {@link AccessRefused}
 */
export async function mustBeAllowed<T>(
  doing: string,
  call: () => Promise<T>,
  tools: RightsTools,
): Promise<T> {
  try {
    return await whenAllowed(doing, call, tools);
  } catch (error) {
    if (!isDenied(error)) throw error;
    throw new AccessRefused(doing, tools.patience.rightsMs / 1_000, describeError(error), error);
  }
}

/** Whether AWS refused a call for lack of rights. ECS says of a role that it can't take yet that it is unable to assume it. */
function isDenied(error: unknown): boolean {
  return (
    error instanceof Error && (DENIALS.has(error.name) || /unable to assume the role/i.test(error.message))
  );
}

const DENIALS: ReadonlySet<string> = new Set([
  "AccessDeniedException",
  "AccessDenied",
  "UnauthorizedOperation",
]);
