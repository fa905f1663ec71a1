import type { StageSettings } from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import type { ConsoleLinks } from "../console-links.ts";
import { type Finding, inOrder, subjectOf } from "../finding.ts";
import { describeTaskDefinition } from "../log-groups.ts";
import { itemsOf } from "../view/part.ts";
import type { StageClients, StageView } from "../view/read-stage.ts";
import { isStoppedByHours, statusFindings } from "../view/status-findings.ts";
import { checkBackups } from "./check-backups.ts";
import { checkChanges } from "./check-changes.ts";
import { checkExec } from "./check-exec.ts";
import { checkNetwork } from "./check-network.ts";
import { checkSecrets, unchecked, usedSecrets } from "./check-secrets.ts";
import { checkServices } from "./check-services.ts";

/** What {@link diagnose} looks into. */
export interface DoctorOptions {
  readonly stage: string;
  readonly clients: StageClients & Pick<AwsClients, "backup" | "ec2" | "kms" | "logs" | "ssm">;
  /**
   * What should be deployed; databases are known from it.
   *
   * @default - the ways to databases are not checked
   */
  readonly settings?: StageSettings | undefined;
  /** Pages of the console. @default - findings have no links */
  readonly links?: ConsoleLinks | undefined;
}

/** Findings of the status that the doctor replaces by their causes. */
const EXPLAINED: ReadonlySet<string> = new Set([
  "deployment-failed",
  "tasks-missing",
  "service-missing",
  "service-scaled-down",
]);

/**
 * Finds out why a stage isn't healthy. Reads only. A check that is denied or fails is a finding of its own,
 * and the others go on.
 *
 * @param view the stage, as {@link readStage} has read it
 * @returns causes and remedies, errors first; none for a healthy stage
 */
export async function diagnose(view: StageView, options: DoctorOptions): Promise<Finding[]> {
  const status = statusFindings(view, options.links);
  if (status.some(({ code }) => code === "stage-not-deployed") || isStoppedByHours(view)) return status;
  const [services, network, secrets, changes, backups] = await Promise.all([
    attempt("The services", checkServices(view, options)),
    attempt("The network", checkNetwork(view, options)),
    attempt("The secrets", checkTaskSecrets(view, options)),
    attempt("Changed values", checkChanges(view, options)),
    attempt("The daily copy", checkBackups(view, options)),
  ]);
  const causes = [...services, ...checkExec(view), ...secrets, ...changes, ...network, ...backups];
  return inOrder(withoutRepeats([...causes, ...status.filter(({ code }) => !EXPLAINED.has(code))]));
}

async function attempt(what: string, check: Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check;
  } catch (error) {
    return [unchecked(what, "doctor", error)];
  }
}

async function checkTaskSecrets(view: StageView, options: DoctorOptions): Promise<Finding[]> {
  const deployed = itemsOf(view.services).filter(({ taskDefinition }) => taskDefinition !== "");
  const definitions = await Promise.all(
    deployed.map(
      async (service) =>
        [subjectOf(service), await describeTaskDefinition(options.clients, service.taskDefinition)] as const,
    ),
  );
  // Those of tokens are part of the view, which knows white space from a token.
  const tokens = new Set(itemsOf(view.tokens).map(({ secret }) => secret));
  const used = usedSecrets(new Map(definitions)).filter(
    ({ secret }) => ![...tokens].some((name) => secret.includes(`:secret:${name}-`)),
  );
  return checkSecrets(used, options);
}

/** Several services may have one cause, such as a subnet. */
function withoutRepeats(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, Finding>();
  for (const finding of findings) {
    const key = `${finding.code} ${finding.subject} ${finding.problem}`;
    if (!seen.has(key)) seen.set(key, finding);
  }
  return [...seen.values()];
}
