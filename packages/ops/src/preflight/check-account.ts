import { EMULATED_ACCOUNT, LOCAL_STAGE } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import type { PreflightFindings } from "./findings.ts";

/**
 * The local stage is never deployed to AWS: a user who names it with credentials of AWS has made a mistake.
 *
 * @param account id of the account that is asked
 */
export function checkAccount(
  { stage }: StageSettings,
  account: string | undefined,
  findings: PreflightFindings,
): void {
  if (stage !== LOCAL_STAGE || account === EMULATED_ACCOUNT) return;
  findings.refuse(
    `Stage "${LOCAL_STAGE}" belongs to the emulated account of this machine, but these credentials belong to AWS account ${account}. ` +
      `Start it with \`pnpm local\`, run eval "$(pnpm -s local env)", or choose a stage with another name`,
  );
}
