import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { DbwardError } from "@dbward-aws/core";
import type { StageSettings } from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import { during } from "../aws-error.ts";
import { checkLeftovers } from "./check-leftovers.ts";
import { checkNetwork } from "./check-network.ts";
import { checkParameters, type Parameters, readParameters } from "./check-parameters.ts";
import { checkSecondStart } from "./check-second-start.ts";
import { checkSecrets } from "./check-secrets.ts";
import { PreflightFindings } from "./findings.ts";

/** What a stage needs and the account doesn't have. Thrown once, with everything that was found. */
export class PreflightError extends DbwardError {
  override readonly name = "PreflightError";
  readonly mistakes: readonly string[];

  /** @param what what can't be done, as the beginning of a sentence */
  constructor(what: string, stage: string, mistakes: readonly string[]) {
    const lines = mistakes.map((mistake) => `\n  - ${mistake}`).join("");
    super("preflight-failed", `${what}:${lines}\n`, {
      hint: `Nothing was changed. Put these right, then try \`pnpm ops preflight --stage ${stage}\`.`,
    });
    this.mistakes = mistakes;
  }
}

/** What there is to say of an account in which the stage can be deployed. */
export interface PreflightResult {
  readonly account: string;
  readonly region: string;
  readonly warnings: readonly string[];
}

/**
 * Checks, before anything is created, what the settings name and the deployment doesn't make: secrets, SSM
 * parameters, an existing network, the certificate. Reads only; a secret's value is never asked for.
 *
 * @throws PreflightError with everything that is missing or wrong
 * @throws AwsCallError when the account can't be asked
 */
export async function preflight(settings: StageSettings, clients: AwsClients): Promise<PreflightResult> {
  const identity = await during("Asking AWS who you are", clients.sts.send(new GetCallerIdentityCommand({})));
  const region = await clients.sts.config.region();
  const findings = new PreflightFindings();
  checkCertificate(settings, region, findings);
  const parameters = await readParameters(settings, clients);
  checkParameters(settings, parameters, findings);
  await Promise.all([
    checkSecrets(settings, clients, findings),
    checkSecondStart(settings, clients, serverText(settings, parameters), findings),
    checkNetwork(settings, clients, region, findings),
    checkLeftovers(settings, clients, findings),
  ]);
  if (findings.mistakes.length > 0)
    throw new PreflightError(
      `Stage "${settings.stage}" can't be deployed to this account as it is`,
      settings.stage,
      [...findings.mistakes].sort(),
    );
  return {
    account: identity.Account ?? "",
    region,
    warnings: [...settings.warnings, ...findings.warnings.sort()],
  };
}

/**
 * Checks the SSM parameters that new tasks of some services will read, as {@link preflight} does, before a restart.
 *
 * @param words the services, `server` or an agent's name
 * @returns warnings
 * @throws PreflightError with everything that is missing or wrong
 */
export async function checkRestart(
  settings: StageSettings,
  clients: AwsClients,
  words: readonly string[],
): Promise<readonly string[]> {
  const findings = new PreflightFindings();
  const parameters = await readParameters(settings, clients, words);
  checkParameters(settings, parameters, findings, words);
  const { config } = settings.server;
  if (words.includes("server") && config.source === "ssm")
    await checkSecondStart(settings, clients, parameters.get(config.parameter)?.Value, findings);
  if (findings.mistakes.length > 0)
    throw new PreflightError(`New tasks of stage "${settings.stage}" would not start`, settings.stage, [
      ...findings.mistakes,
    ]);
  return findings.warnings.sort();
}

/** The server.toml that is to be deployed; `undefined` when its parameter is missing. */
function serverText({ server }: StageSettings, parameters: Parameters): string | undefined {
  const { config } = server;
  return config.source === "rendered" ? config.toml : parameters.get(config.parameter)?.Value;
}

/** A load balancer takes certificates of its own region alone. */
function checkCertificate({ server }: StageSettings, region: string, findings: PreflightFindings): void {
  const arn = server.loadBalancer?.certificateArn;
  const ofRegion = arn?.split(":")[3];
  if (ofRegion !== undefined && ofRegion !== region)
    findings.refuse(
      `The certificate (server.loadBalancer.certificateArn) is in ${ofRegion}, and the stage in ${region}: ` +
        "request or import one there",
    );
}
