import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { type AwsClients, during } from "@dbward-aws/stage";

/** A version of a secret. */
export interface TokenVersion {
  readonly id: string;
  readonly value: string;
}

/** The versions of a token's secret, by their staging labels. A version that holds only white space is left out. */
export interface TokenVersions {
  /** `AWSCURRENT`: what tasks and functions read. */
  readonly current?: TokenVersion;
  /** `AWSPREVIOUS`. */
  readonly previous?: TokenVersion;
  /** `AWSPENDING`: the new token of a rotation that has not ended. After its promotion it is {@link current} too. */
  readonly pending?: TokenVersion;
}

/** The secret of one token. */
export class TokenStore {
  /** Name or ARN. */
  readonly secret: string;
  readonly #secrets: AwsClients["secrets"];

  constructor({ secrets }: Pick<AwsClients, "secrets">, secret: string) {
    this.#secrets = secrets;
    this.secret = secret;
  }

  async read(): Promise<TokenVersions> {
    const { VersionIdsToStages = {} } = await during(
      `Looking up secret ${this.secret}`,
      this.#secrets.send(new DescribeSecretCommand({ SecretId: this.secret })),
    );
    const labelled = (label: string) =>
      Object.keys(VersionIdsToStages).find((id) => VersionIdsToStages[id]?.includes(label));
    const ids = {
      current: labelled("AWSCURRENT"),
      previous: labelled("AWSPREVIOUS"),
      pending: labelled("AWSPENDING"),
    };
    const values = new Map<string, string>();
    for (const id of new Set(Object.values(ids))) if (id) values.set(id, await this.#value(id));
    return Object.fromEntries(
      Object.entries(ids).flatMap(([label, id]) => {
        const value = id === undefined ? "" : (values.get(id) ?? "").trim();
        return value === "" ? [] : [[label, { id, value }]];
      }),
    );
  }

  /** Stores a token as the pending version, beside the current one. */
  async storePending(value: string): Promise<TokenVersion> {
    return { id: await this.#put(value, "AWSPENDING"), value };
  }

  /** Stores a token as the current version. @returns the version's id */
  async replace(value: string): Promise<string> {
    return this.#put(value, "AWSCURRENT");
  }

  /** Makes the pending version the current one; the current one becomes the previous one. */
  async promote({ id }: TokenVersion): Promise<void> {
    const { VersionIdsToStages = {} } = await during(
      `Looking up secret ${this.secret}`,
      this.#secrets.send(new DescribeSecretCommand({ SecretId: this.secret })),
    );
    const former = Object.keys(VersionIdsToStages).find((each) =>
      VersionIdsToStages[each]?.includes("AWSCURRENT"),
    );
    if (former === id) return;
    await during(
      `Making the new version of secret ${this.secret} the current one`,
      this.#secrets.send(
        new UpdateSecretVersionStageCommand({
          SecretId: this.secret,
          VersionStage: "AWSCURRENT",
          MoveToVersionId: id,
          ...(former === undefined ? {} : { RemoveFromVersionId: former }),
        }),
      ),
    );
  }

  /** Takes the label `AWSPENDING` off a version, which ends the rotation. */
  async clearPending({ id }: TokenVersion): Promise<void> {
    await during(
      `Ending the rotation of secret ${this.secret}`,
      this.#secrets.send(
        new UpdateSecretVersionStageCommand({
          SecretId: this.secret,
          VersionStage: "AWSPENDING",
          RemoveFromVersionId: id,
        }),
      ),
    );
  }

  async #value(versionId: string): Promise<string> {
    const { SecretString = "" } = await during(
      `Reading secret ${this.secret}`,
      this.#secrets.send(new GetSecretValueCommand({ SecretId: this.secret, VersionId: versionId })),
    );
    return SecretString;
  }

  async #put(value: string, label: string): Promise<string> {
    const { VersionId = "" } = await during(
      `Storing a token in secret ${this.secret}`,
      this.#secrets.send(
        new PutSecretValueCommand({ SecretId: this.secret, SecretString: value, VersionStages: [label] }),
      ),
    );
    return VersionId;
  }
}
