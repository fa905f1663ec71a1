import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { during } from "@dbward-aws/stage/aws-error";

/** A version of a secret. */
export interface TokenVersion {
  readonly id: string;
  readonly value: string;
  /** When it was stored. */
  readonly createdAt?: Date;
  /** Id of the deployment that was started so that tasks read it; only of a pending version. */
  readonly rollout?: string;
}

/** Begins the label in which the id of a deployment is kept, beside `AWSPENDING`. */
const ROLLOUT = "rollout:";

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
  readonly #secrets: SecretsManagerClient;

  constructor({ secrets }: { readonly secrets: SecretsManagerClient }, secret: string) {
    this.#secrets = secrets;
    this.secret = secret;
  }

  async read(): Promise<TokenVersions> {
    const { VersionIdsToStages = {} } = await this.#describe();
    const labelled = (label: string) =>
      Object.keys(VersionIdsToStages).find((id) => VersionIdsToStages[id]?.includes(label));
    const ids = {
      current: labelled("AWSCURRENT"),
      previous: labelled("AWSPREVIOUS"),
      pending: labelled("AWSPENDING"),
    };
    const values = new Map<string, TokenVersion>();
    for (const id of new Set(Object.values(ids))) if (id) values.set(id, await this.#version(id));
    const rollout = (VersionIdsToStages[ids.pending ?? ""] ?? []).find((label) => label.startsWith(ROLLOUT));
    return Object.fromEntries(
      Object.entries(ids).flatMap(([label, id = ""]) => {
        const version = values.get(id);
        if (!version || version.value === "") return [];
        const noted = label === "pending" && rollout ? { rollout: rollout.slice(ROLLOUT.length) } : {};
        return [[label, { ...version, ...noted }]];
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
    const { VersionIdsToStages = {} } = await this.#describe();
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

  /**
   * Keeps the id of the deployment that lets tasks read a version.
   *
   * @param former id of an earlier one, which is forgotten
   */
  async noteRollout(versionId: string, deployment: string, former?: string): Promise<void> {
    if (former !== undefined) await this.#unlabel(versionId, ROLLOUT + former);
    await during(
      `Noting the deployment of the new version of secret ${this.secret}`,
      this.#secrets.send(
        new UpdateSecretVersionStageCommand({
          SecretId: this.secret,
          VersionStage: ROLLOUT + deployment,
          MoveToVersionId: versionId,
        }),
      ),
    );
  }

  /** Takes the label `AWSPENDING` off a version, which ends the rotation. */
  async clearPending({ id }: TokenVersion): Promise<void> {
    const { VersionIdsToStages = {} } = await this.#describe();
    const labels = VersionIdsToStages[id] ?? [];
    for (const label of labels) if (label.startsWith(ROLLOUT)) await this.#unlabel(id, label);
    if (labels.includes("AWSPENDING")) await this.#unlabel(id, "AWSPENDING");
  }

  #describe() {
    return during(
      `Looking up secret ${this.secret}`,
      this.#secrets.send(new DescribeSecretCommand({ SecretId: this.secret })),
    );
  }

  async #unlabel(versionId: string, label: string): Promise<void> {
    await during(
      `Taking the label ${label} off a version of secret ${this.secret}`,
      this.#secrets.send(
        new UpdateSecretVersionStageCommand({
          SecretId: this.secret,
          VersionStage: label,
          RemoveFromVersionId: versionId,
        }),
      ),
    );
  }

  async #version(id: string): Promise<TokenVersion> {
    const { SecretString = "", CreatedDate } = await during(
      `Reading secret ${this.secret}`,
      this.#secrets.send(new GetSecretValueCommand({ SecretId: this.secret, VersionId: id })),
    );
    return { id, value: SecretString.trim(), ...(CreatedDate && { createdAt: CreatedDate }) };
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
