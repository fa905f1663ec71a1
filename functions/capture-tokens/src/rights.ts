import { describeError } from "@dbward-aws/core";
import { AccessRefused } from "./errors.ts";
import type { Tools } from "./tools.ts";

/** The {@link Tools} that waiting for a permission needs. */
export type RightsTools = Pick<Tools, "deadline" | "logger" | "patience">;

/**
 * Makes a call that AWS may refuse for some seconds, because IAM is eventually consistent: the permission may
 * have been granted in the same update, to the function or to a role that it passes. The call is repeated for
 * `patience.rightsMs`.
 *
 * @param doing name of the call, such as `ecs:RunTask`
 * @throws what `call` throws; the last refusal, also when the deadline interrupted the next try
 */
export async function whenAllowed<T>(doing: string, call: () => Promise<T>, tools: RightsTools): Promise<T> {
  const { deadline, logger, patience } = tools;
  const began = performance.now();
  let refusal: unknown;
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const isRefused = isDenied(error);
      if (isRefused) refusal = error;
      if (deadline.passed) throw refusal ?? error;
      if (!isRefused || performance.now() - began >= patience.rightsMs) throw error;
      if (attempt === 1) logger.warn("capture.not-allowed-yet", { doing, error });
      await deadline.sleep(patience.pollMs);
    }
  }
}

/**
 * As {@link whenAllowed}, for a call that the capture can't do without.
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

/**
 * Whether AWS refused a call because of a missing permission. Of a role that is too new, ECS says that it
 * can't assume it.
 */
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
