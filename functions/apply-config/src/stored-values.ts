import { paginateListSecretVersionIds, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetParameterCommand, type SSMClient } from "@aws-sdk/client-ssm";
import type { Deadline, Logger } from "@dbward-aws/core";
import { ifThere } from "./errors.ts";

/** A value that ECS puts into a container. */
export interface StoredValue {
  readonly kind: "parameter" | "secret";
  readonly arn: string;
  /** Staging label of a secret's version. */
  readonly label: string;
}

/** What is known of a value. Its content is known of a configuration alone. */
export interface CurrentValue {
  /** As a person knows it: `secret dbward/app-url`, `SSM parameter /dbward/server`. */
  readonly title: string;
  /** When it got the content that it has. @default - it doesn't exist, or has no content */
  readonly changedAt?: Date;
}

/** A parameter with its text. */
export interface CurrentText extends CurrentValue {
  /** Name of the parameter. */
  readonly parameter: string;
  readonly version: number;
  readonly text: string;
}

/**
 * What a `valueFrom` of a task definition names. A version with a fixed id never changes.
 *
 * @returns `undefined` for a value that can't change
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
 */
export function storedValue(valueFrom: string): StoredValue | undefined {
  const secret = /^(arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:[^:]+)(?::[^:]*:([^:]*):([^:]*))?$/.exec(
    valueFrom,
  );
  if (!secret) return valueFrom === "" ? undefined : { kind: "parameter", arn: valueFrom, label: "" };
  const [, arn = "", label, versionId] = secret;
  return versionId ? undefined : { kind: "secret", arn, label: label || "AWSCURRENT" };
}

/** Reads when values changed, each once a run. */
export class StoredValues {
  readonly #secretsManager: SecretsManagerClient;
  readonly #ssm: SSMClient;
  readonly #logger: Logger;

  constructor(secretsManager: SecretsManagerClient, ssm: SSMClient, logger: Logger) {
    this.#secretsManager = secretsManager;
    this.#ssm = ssm;
    this.#logger = logger;
  }

  /**
   * Reads many values.
   *
   * @returns by ARN and label, as {@link keyOf} makes them
   * @throws ApplyCallError
   */
  async read(values: readonly StoredValue[], deadline: Deadline): Promise<Map<string, CurrentValue>> {
    const distinct = new Map(values.map((value) => [keyOf(value), value]));
    const found = await Promise.all(
      [...distinct].map(async ([key, value]) => {
        const current =
          value.kind === "secret" ? this.#secret(value, deadline) : this.#parameter(value.arn, deadline);
        return [key, await current.catch((error: unknown) => this.#unwatched(value, error))] as const;
      }),
    );
    return new Map(found);
  }

  /** Reads a configuration. @returns `undefined` for a parameter that doesn't exist @throws ApplyCallError */
  async text({ arn }: StoredValue, deadline: Deadline): Promise<CurrentText | undefined> {
    const { Name, Version, LastModifiedDate, Value } = (await this.#get(arn, true, deadline)) ?? {};
    if (!Name || !LastModifiedDate || Value === undefined) return undefined;
    return {
      title: `SSM parameter ${Name}`,
      parameter: Name,
      version: Version ?? 0,
      changedAt: LastModifiedDate,
      text: Value,
    };
  }

  /** A value that the role was not made for, such as an `ecs.Secret` of the CDK's own, is not watched. */
  #unwatched({ arn }: StoredValue, error: unknown): CurrentValue {
    const { cause } = error as Error;
    if ((cause as Error | undefined)?.name !== "AccessDeniedException") throw error;
    this.#logger.warn("apply.not-watched", { arn, error });
    return { title: arn, changedAt: new Date(0) };
  }

  async #parameter(arn: string, deadline: Deadline): Promise<CurrentValue> {
    const { LastModifiedDate } = (await this.#get(arn, false, deadline)) ?? {};
    return {
      title: `SSM parameter ${nameOfParameter(arn)}`,
      ...(LastModifiedDate && { changedAt: LastModifiedDate }),
    };
  }

  async #get(arn: string, WithDecryption: boolean, { signal }: Deadline) {
    const answer = await ifThere(
      `Reading SSM parameter ${nameOfParameter(arn)}`,
      "ParameterNotFound",
      this.#ssm.send(new GetParameterCommand({ Name: arn, WithDecryption }), { abortSignal: signal }),
    );
    return answer?.Parameter;
  }

  /** The date of a secret is that of any change, labels and tags included; only a version has its own. */
  async #secret({ arn, label }: StoredValue, { signal }: Deadline): Promise<CurrentValue> {
    const title = `secret ${arn.replace(/^.*:secret:/, "").replace(/-[A-Za-z0-9]{6}$/, "")}`;
    const pages = paginateListSecretVersionIds(
      { client: this.#secretsManager },
      { SecretId: arn },
      { abortSignal: signal },
    );
    const find = async () => {
      for await (const { Versions = [] } of pages) {
        const version = Versions.find(({ VersionStages = [] }) => VersionStages.includes(label));
        if (version?.CreatedDate) return version.CreatedDate;
      }
      return undefined;
    };
    const changedAt = await ifThere(`Listing the versions of ${title}`, "ResourceNotFoundException", find());
    return { title, ...(changedAt && { changedAt }) };
  }
}

/** What tells values apart. */
export function keyOf({ arn, label }: StoredValue): string {
  return `${arn} ${label}`;
}

/** Name of a parameter, as a person knows it, from its ARN. */
export function nameOfParameter(arn: string): string {
  return arn.replace(/^arn:.*?:parameter/, "");
}
