import { isDenied } from "@dbward-aws/stage";
import type { PreflightFindings } from "./findings.ts";

/**
 * Runs a check. One that the caller may not make is a warning: the deployment may have rights of its own, and what was not checked
 * is then found by the tasks.
 *
 * @param what what is left unchecked, as the subject of a sentence
 * @param right the IAM action that the check needs
 * @returns `undefined` when the caller lacks the right
 */
export async function unlessDenied<T>(
  what: string,
  right: string,
  findings: PreflightFindings,
  check: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await check();
  } catch (error) {
    if (!isDenied(error)) throw error;
    findings.warn(`${what} was not checked: your identity is not allowed ${right}`);
    return undefined;
  }
}
