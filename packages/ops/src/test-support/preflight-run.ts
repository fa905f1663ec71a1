import type { AccountFacts, StageInput } from "@dbward-aws/settings";
import { createAwsClients } from "@dbward-aws/stage";
import { PreflightError, type PreflightResult, preflight } from "../preflight/preflight.ts";
import { type Answers, AwsFault, type Input } from "./aws-peer.ts";
import { EMPTY_ACCOUNT } from "./empty-account.ts";
import { REGION_ANSWERS } from "./network-answers.ts";
import { stageSettings, withAws } from "./ops-run.ts";

export const missing = () => {
  throw new AwsFault("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
};
/** Every secret that a person makes is there. */
export const filledByPeople = (input: Input) =>
  /-url$|licence/.test(String(input.SecretId)) ? { VersionIdsToStages: { v1: ["AWSCURRENT"] } } : missing();

/** A customer managed key, as KMS describes it. */
export const keyMetadata = (arn: string, changes: object = {}) => ({
  KeyMetadata: {
    Arn: arn,
    KeyId: arn.split("/")[1],
    KeyManager: "CUSTOMER",
    KeyState: "Enabled",
    ...changes,
  },
});

/** An account in which the stage can be deployed. */
export const ACCOUNT: Answers = {
  ...EMPTY_ACCOUNT,
  GetCallerIdentity: () => ({
    Account: "123456789012",
    Arn: "arn:aws:iam::123456789012:user/me",
    UserId: "me",
  }),
  DescribeSecret: filledByPeople,
  GetSecretValue: ({ SecretId }) => ({
    SecretString: /-url$/.test(String(SecretId)) ? "postgres://app:canary@db.example.com/app\n" : "licence",
  }),
  DescribeCertificate: () => ({ Certificate: { Status: "ISSUED" } }),
  BatchGetImage: () => ({ images: [{ imageManifest: "{}" }] }),
  GetServiceQuota: () => ({ Quota: { Value: 100 } }),
  DescribeVpcs: () => ({ vpcSet: [] }),
  DescribeAddresses: () => ({ addressesSet: [] }),
  ...REGION_ANSWERS,
};

/** Runs preflight for a stage with changes, in the account with other answers. */
export async function check(
  changes: Partial<StageInput>,
  answers: Answers,
  lookups?: AccountFacts,
): Promise<PreflightResult> {
  await withAws({ ...ACCOUNT, ...answers });
  return preflight(stageSettings(changes), createAwsClients(process.env.AWS_REGION ?? ""), lookups);
}

/** What preflight refuses. */
export async function mistakes(
  changes: Partial<StageInput>,
  answers: Answers,
  lookups?: AccountFacts,
): Promise<readonly string[]> {
  const error = await check(changes, answers, lookups).catch((error: unknown) => error);
  if (error instanceof PreflightError) return error.mistakes;
  if (error instanceof Error) throw error;
  return [];
}
