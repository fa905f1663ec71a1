import type { Stack } from "@aws-sdk/client-cloudformation";
import { NETWORK_OUTPUT, networkChange, type StageSettings } from "@dbward-aws/settings";
import type { CheckedNetwork } from "./check-network.ts";
import type { PreflightFindings } from "./findings.ts";

/** What the settings change of a deployed network can be changed. */
export function checkNetworkChange(
  settings: StageSettings,
  { facts, existing }: CheckedNetwork,
  state: Stack | undefined,
  findings: PreflightFindings,
): void {
  const deployed = state?.Outputs?.find(({ OutputKey }) => OutputKey === NETWORK_OUTPUT)?.OutputValue;
  if (deployed === undefined || (settings.network.kind === "existing" && !existing)) return;
  const { problems, warnings } = networkChange(deployed, settings, facts);
  for (const problem of problems) findings.refuse(problem);
  for (const warning of warnings) findings.warn(warning);
}
