import { DescribeKeyCommand } from "@aws-sdk/client-kms";
import { GetBucketEncryptionCommand } from "@aws-sdk/client-s3";
import { DescribeSecretCommand } from "@aws-sdk/client-secrets-manager";
import { GetTopicAttributesCommand } from "@aws-sdk/client-sns";
import { DescribeParametersCommand } from "@aws-sdk/client-ssm";
import { type StageSettings, usedSecrets } from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import { AwsCallError, during, ifThere } from "../aws-error.ts";

/** APIs that say under which key something is. */
export type KeyClients = Pick<AwsClients, "kms" | "s3" | "secrets" | "sns" | "ssm">;

/** Keys of what the settings name. */
export interface FoundKeys {
  /**
   * Id, ARN or alias of the key, by the name of what is encrypted with it. Most of AWS's own keys are left
   * out.
   */
  readonly ids: ReadonlyMap<string, string>;
  /** What could not be asked, and why. */
  readonly unread: ReadonlyMap<string, AwsCallError>;
}

/**
 * ARNs of the customer managed keys of what the settings name, by its name; what can't be asked is left out.
 */
export async function lookUpKeys(
  settings: StageSettings,
  clients: KeyClients,
): Promise<Readonly<Record<string, string>>> {
  const { ids } = await findKeys(settings, clients);
  const found = await Promise.all(
    [...ids].map(async ([name, id]) => {
      const answer = await clients.kms.send(new DescribeKeyCommand({ KeyId: id })).catch(() => undefined);
      const { KeyManager, Arn } = answer?.KeyMetadata ?? {};
      return KeyManager === "CUSTOMER" && Arn !== undefined ? [[name, Arn] as const] : [];
    }),
  );
  return Object.fromEntries(found.flat());
}

/** The key of each secret, SSM parameter, bucket and topic that the settings name. */
export async function findKeys(settings: StageSettings, clients: KeyClients): Promise<FoundKeys> {
  const names = (kind: "secret" | "parameter") => [
    ...new Set(usedSecrets(settings).flatMap((used) => (used.kind === kind ? [used.name] : []))),
  ];
  const ids = new Map<string, string>();
  const unread = new Map<string, AwsCallError>();
  const note = async (name: string, find: () => Promise<string | undefined>) => {
    try {
      const id = await find();
      if (id !== undefined && !/^alias\/aws\//.test(id)) ids.set(name, id);
    } catch (error) {
      if (!(error instanceof AwsCallError)) throw error;
      unread.set(name, error);
    }
  };
  const { bucketName } = settings.storage;
  const { topicArn } = settings.monitoring;
  await Promise.all([
    ...names("secret").map((name) => note(name, () => keyOfSecret(name, clients))),
    ...names("parameter").map((name) => note(name, () => keyOfParameter(name, clients))),
    ...(bucketName === undefined ? [] : [note(bucketName, () => keyOfBucket(bucketName, clients))]),
    ...(topicArn === undefined ? [] : [note(topicArn, () => keyOfTopic(topicArn, clients))]),
  ]);
  return { ids, unread };
}

async function keyOfSecret(name: string, { secrets }: KeyClients): Promise<string | undefined> {
  const secret = await ifThere(
    `Looking up secret ${name}`,
    secrets.send(new DescribeSecretCommand({ SecretId: name })),
    "ResourceNotFoundException",
  );
  return secret?.KmsKeyId;
}

async function keyOfParameter(name: string, { ssm }: KeyClients): Promise<string | undefined> {
  const { Parameters = [] } = await during(
    `Looking up SSM parameter ${name}`,
    ssm.send(
      new DescribeParametersCommand({
        ParameterFilters: [{ Key: "Name", Option: "Equals", Values: [name] }],
      }),
    ),
  );
  return Parameters[0]?.KeyId;
}

async function keyOfBucket(bucket: string, { s3 }: KeyClients): Promise<string | undefined> {
  const found = await ifThere(
    `Reading the encryption of bucket ${bucket}`,
    s3.send(new GetBucketEncryptionCommand({ Bucket: bucket })),
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchBucket",
  );
  const [rule] = found?.ServerSideEncryptionConfiguration?.Rules ?? [];
  return rule?.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID;
}

async function keyOfTopic(topic: string, { sns }: KeyClients): Promise<string | undefined> {
  const found = await ifThere(
    `Reading the attributes of topic ${topic}`,
    sns.send(new GetTopicAttributesCommand({ TopicArn: topic })),
    "NotFoundException",
  );
  return found?.Attributes?.KmsMasterKeyId;
}
