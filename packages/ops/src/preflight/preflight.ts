import { EMULATED_ACCOUNT, stageNames } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { type AccountFacts, differingFacts, regionProblems, type StageSettings } from "@dbward-aws/settings";
import { type AwsClients, findStack, liveStacks, readAccount, readNames } from "@dbward-aws/stage";
import { accountClients } from "./account-clients.ts";
import { checkAccount } from "./check-account.ts";
import { checkAddresses } from "./check-addresses.ts";
import { checkAgentTokens } from "./check-agent-tokens.ts";
import { checkBackup } from "./check-backup.ts";
import { checkBucket } from "./check-bucket.ts";
import { checkCertificate } from "./check-certificate.ts";
import { checkCluster } from "./check-cluster.ts";
import { checkDatabases } from "./check-databases.ts";
import { checkHours } from "./check-hours.ts";
import { checkImages } from "./check-images.ts";
import { checkKeys } from "./check-keys.ts";
import { checkLeftovers } from "./check-leftovers.ts";
import { checkListener } from "./check-listener.ts";
import { checkLoadBalancer } from "./check-load-balancer.ts";
import { checkNetwork } from "./check-network.ts";
import { checkNetworkChange } from "./check-network-change.ts";
import { checkParameters, type Parameters, readParameters } from "./check-parameters.ts";
import { checkQuotas } from "./check-quotas.ts";
import { checkResultPlace } from "./check-result-place.ts";
import { checkRuleCounts } from "./check-rule-counts.ts";
import { checkSecondStart } from "./check-second-start.ts";
import { checkSecrets } from "./check-secrets.ts";
import { checkState } from "./check-state.ts";
import { checkTopic } from "./check-topic.ts";
import { checkVersions } from "./check-versions.ts";
import { checkZones } from "./check-zones.ts";
import { PreflightFindings } from "./findings.ts";

/** What a stage needs and the account doesn't have. Thrown once, with everything that was found. */
export class PreflightError extends DbwardError {
  override readonly name = "PreflightError";
  readonly mistakes: readonly string[];

  /** @param what what can't be done, as the beginning of a sentence */
  constructor(what: string, stage: string, mistakes: readonly string[]) {
    const lines = mistakes.map((mistake) => `\n  - ${mistake}`).join("");
    super("preflight-failed", `${what}:${lines}\n`, {
      hint: `Nothing was changed. Fix this, then run \`pnpm ops preflight --stage ${stage}\`.`,
    });
    this.mistakes = mistakes;
  }
}

/** The result of a successful check. */
export interface PreflightResult {
  readonly account: string;
  readonly region: string;
  readonly warnings: readonly string[];
  /** What the settings name by an id alone; the templates are made with it. */
  readonly facts: AccountFacts;
}

/**
 * Checks, before anything is created, what the settings name and the deployment doesn't make: secrets, SSM
 * parameters, an existing network, the certificate. Reads only. Values of secrets are looked at in memory and
 * never shown; what the caller may not read is a warning.
 *
 * @param lookups what dbward.lookup.json has of the stage, to be compared with the account. @default - nothing
 * @param beforeCutOver the file system is still in use by a server that will be stopped, and mount targets that it lacks will be
 * made. @default false
 * @throws PreflightError with everything that is missing or wrong
 * @throws AwsCallError when the account can't be asked
 */
export async function preflight(
  settings: StageSettings,
  clients: AwsClients,
  lookups?: AccountFacts,
  beforeCutOver = false,
): Promise<PreflightResult> {
  const accountId = await readAccount(clients.sts);
  const region = await clients.sts.config.region();
  const account = accountClients(clients);
  const findings = new PreflightFindings();
  checkAccount(settings, accountId, findings);
  for (const { where, message } of regionProblems(settings, region)) findings.refuse(`${where}: ${message}`);
  const parameters = await readParameters(settings, clients, findings);
  checkParameters(settings, parameters, region, findings);
  const [stacks, names] = await Promise.all([
    liveStacks(settings.stage, clients),
    readNames(settings, clients),
  ]);
  const [keys] = await Promise.all([
    checkKeys(settings, clients, region, findings),
    checkSecrets(settings, { account: accountId, region }, clients, findings),
    checkSecondStart(settings, clients, names, serverText(settings, parameters), findings),
    checkAgentTokens(settings, stacks, clients, findings),
    checkVersions(settings, clients, names, findings),
    checkLeftovers(settings, stacks, clients, region, findings),
    checkBucket(settings, clients, region, findings),
    checkCluster(settings, names, stacks, clients, findings),
    checkLoadBalancer(settings, stacks, clients, findings),
    checkListener(settings, { account: accountId, region }, stacks, clients, findings),
    checkTopic(settings, { account: accountId, region }, clients, findings),
    checkHours(settings, names, stacks, clients, findings),
    // The emulated account has no images, certificates and quotas of its own.
    ...(accountId === EMULATED_ACCOUNT
      ? []
      : [
          checkCertificate(settings, region, account, findings),
          checkImages(settings, { account: accountId, region }, account, findings),
          checkQuotas(settings, { ...clients, ...account }, findings),
        ]),
  ]);
  const network = await checkNetworkAndDatabases(
    settings,
    clients,
    `account ${accountId} in ${region}`,
    findings,
  );
  const facts = { ...network, ...(Object.keys(keys).length > 0 && { keys }) };
  await checkState({ settings, names, facts, stacks, clients, region, findings, beforeCutOver });
  await checkBackup({ settings, stacks, clients, region, findings });
  checkResultPlace(settings, stacks, findings);
  for (const difference of lookups ? differingFacts(settings, lookups, facts) : [])
    findings.refuse(difference);
  if (findings.mistakes.length > 0)
    throw new PreflightError(
      `Stage "${settings.stage}" can't be deployed to this account as it is`,
      settings.stage,
      [...findings.mistakes].sort(),
    );
  return {
    account: accountId,
    region,
    warnings: [...settings.warnings, ...findings.warnings.sort()],
    facts,
  };
}

/** @param source the account and region, in words */
async function checkNetworkAndDatabases(
  settings: StageSettings,
  clients: AwsClients,
  source: string,
  findings: PreflightFindings,
): Promise<AccountFacts> {
  const [network, state] = await Promise.all([
    checkNetwork(settings, clients, source, findings),
    findStack(clients, stageNames(settings.stage).stack("State")),
  ]);
  // What a failed first deployment has left does not count.
  const isDeployed =
    state !== undefined && !/^(CREATE_FAILED|ROLLBACK|REVIEW|DELETE)/.test(state.StackStatus ?? "");
  checkNetworkChange(settings, network, state, findings);
  checkRuleCounts(settings, network, findings);
  checkAddresses(settings, network, isDeployed, findings);
  await Promise.all([
    checkZones(settings, network, clients, findings),
    checkDatabases(settings, network, isDeployed, clients, findings),
  ]);
  return network.facts;
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
  const parameters = await readParameters(settings, clients, findings, words);
  checkParameters(settings, parameters, await clients.ssm.config.region(), findings, words);
  const { config } = settings.server;
  if (words.includes("server") && config.source === "ssm")
    await checkSecondStart(
      settings,
      clients,
      await readNames(settings, clients),
      parameters?.get(config.parameter)?.Value,
      findings,
    );
  if (findings.mistakes.length > 0)
    throw new PreflightError(`New tasks of stage "${settings.stage}" would not start`, settings.stage, [
      ...findings.mistakes,
    ]);
  return findings.warnings.sort();
}

/**
 * Checks a configuration before it is stored in SSM: whether a service would start with it.
 *
 * @param word `server`, or the agent's name
 * @param parameter name of the parameter that the service reads
 * @returns warnings
 * @throws PreflightError
 */
export async function checkConfigText(
  settings: StageSettings,
  clients: AwsClients,
  word: string,
  parameter: string,
  text: string,
): Promise<readonly string[]> {
  const findings = new PreflightFindings();
  const parameters = new Map([[parameter, { Name: parameter, Type: "SecureString" as const, Value: text }]]);
  checkParameters(settings, parameters, await clients.ssm.config.region(), findings, [word]);
  if (word === "server")
    await checkSecondStart(settings, clients, await readNames(settings, clients), text, findings);
  if (findings.mistakes.length > 0)
    throw new PreflightError(`${word} of stage "${settings.stage}" would not start with it`, settings.stage, [
      ...findings.mistakes,
    ]);
  return findings.warnings.sort();
}

/** The server.toml that is to be deployed; `undefined` when its parameter is missing. */
function serverText({ server }: StageSettings, parameters: Parameters | undefined): string | undefined {
  const { config } = server;
  return config.source === "rendered" ? config.toml : parameters?.get(config.parameter)?.Value;
}
