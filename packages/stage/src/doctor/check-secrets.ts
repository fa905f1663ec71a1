import type { TaskDefinition } from "@aws-sdk/client-ecs";
import { DescribeKeyCommand } from "@aws-sdk/client-kms";
import { DescribeSecretCommand } from "@aws-sdk/client-secrets-manager";
import { ifThere, isDenied } from "../aws-error.ts";
import type { Finding } from "../finding.ts";
import type { DoctorOptions } from "./diagnose.ts";

/** A secret that a task definition names, and the services that read it. */
export interface UsedSecret {
  /** ARN or name, without JSON key, version and label. */
  readonly secret: string;
  readonly subjects: readonly string[];
}

/**
 * The secrets that task definitions name.
 *
 * @param definitions task definitions by what runs them, such as `agent app`
 */
export function usedSecrets(definitions: ReadonlyMap<string, TaskDefinition>): UsedSecret[] {
  const used = new Map<string, Set<string>>();
  for (const [subject, { containerDefinitions = [] }] of definitions)
    for (const { valueFrom = "" } of containerDefinitions.flatMap(({ secrets = [] }) => secrets)) {
      // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME[:JSON key:stage:version]
      const [secret] = /^arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:[^:]+/.exec(valueFrom) ?? [];
      if (secret) used.set(secret, (used.get(secret) ?? new Set()).add(subject));
    }
  return [...used].map(([secret, subjects]) => ({ secret, subjects: [...subjects] }));
}

/**
 * The secrets that the deployed tasks read exist with a value, and their keys are enabled. Values are not
 * read.
 */
export async function checkSecrets(
  used: readonly UsedSecret[],
  { stage, clients, links }: DoctorOptions,
): Promise<Finding[]> {
  const found = await Promise.all(
    used.map(async ({ secret, subjects }): Promise<Finding[]> => {
      const name = /:secret:(.+?)(?:-[A-Za-z0-9]{6})?$/.exec(secret)?.[1] ?? secret;
      const common = {
        subject: subjects.join(", "),
        severity: "error" as const,
        evidence: [],
        ...(links && { link: links.secret(name) }),
      };
      const region = await clients.secrets.config.region();
      const restart = `then run: pnpm ops restart ${subjects[0]} --stage ${stage}`;
      try {
        const described = await ifThere(
          `Looking up secret ${name}`,
          clients.secrets.send(new DescribeSecretCommand({ SecretId: secret })),
          "ResourceNotFoundException",
        );
        if (!described)
          return [
            {
              ...common,
              code: "secret-missing",
              problem: `Secret ${name} doesn't exist, and tasks that read it don't start.`,
              remedy: `Create it with its value, ${restart}`,
            },
          ];
        if (described.DeletedDate)
          return [
            {
              ...common,
              code: "secret-being-deleted",
              problem: `Secret ${name} is scheduled for deletion, and tasks that read it don't start.`,
              remedy: `Run: aws secretsmanager restore-secret --secret-id ${name} --region ${region}, ${restart}`,
            },
          ];
        const stages = Object.values(described.VersionIdsToStages ?? {}).flat();
        if (!stages.includes("AWSCURRENT"))
          return [
            {
              ...common,
              code: "secret-empty",
              problem: `Secret ${name} has no value, and tasks that read it don't start.`,
              remedy: `Put it into a file, and run: aws secretsmanager put-secret-value --secret-id ${name} --secret-string file://FILE --region ${region}, ${restart}`,
            },
          ];
        return described.KmsKeyId ? await checkKey(described.KmsKeyId, name, common, clients) : [];
      } catch (error) {
        return [unchecked(`Secret ${name}`, common.subject, error)];
      }
    }),
  );
  return found.flat();
}

async function checkKey(
  key: string,
  secret: string,
  common: Pick<Finding, "subject" | "severity" | "evidence">,
  { kms }: DoctorOptions["clients"],
): Promise<Finding[]> {
  const answer = await ifThere(
    `Looking up key ${key}`,
    kms.send(new DescribeKeyCommand({ KeyId: key })),
    "NotFoundException",
  );
  const state = answer?.KeyMetadata?.KeyState ?? "missing";
  if (state === "Enabled") return [];
  const enable = `aws kms enable-key --key-id ${key} --region ${await kms.config.region()}`;
  return [
    {
      ...common,
      code: "key-unusable",
      problem: `Key ${key} of secret ${secret} is ${state}, and tasks that read the secret don't start.`,
      remedy:
        state === "PendingDeletion"
          ? `Run: aws kms cancel-key-deletion --key-id ${key} --region ${await kms.config.region()}, then: ${enable}`
          : `Run: ${enable}`,
    },
  ];
}

/** A check that failed leaves the others as they are. */
export function unchecked(what: string, subject: string, error: unknown): Finding {
  return {
    code: "not-checked",
    subject,
    severity: "unknown",
    problem: `${what} was not checked.`,
    evidence: [error instanceof Error ? error.message : String(error)],
    remedy: isDenied(error) ? "Grant your identity the permission" : "Try again",
  };
}
