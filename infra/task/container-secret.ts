import * as ecs from "aws-cdk-lib/aws-ecs";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type * as ssm from "aws-cdk-lib/aws-ssm";

/** Which value of a secret a container gets. */
export interface SecretPart {
  /** Key of the value in a secret that holds JSON. @default - the whole secret */
  readonly jsonKey?: string;
  /** Staging label of the version, such as `AWSPREVIOUS`. @default AWSCURRENT */
  readonly versionStage?: string;
  /** Id of the version. @default - the current one */
  readonly versionId?: string;
}

/**
 * A secret for a container's environment, of which the task's execution role gets just the right that ECS
 * uses. `ecs.Secret` of the CDK also grants to describe secrets, and to list parameters and read their
 * history.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
 */
export class ContainerSecret extends ecs.Secret {
  readonly arn: string;
  readonly hasField: boolean;
  /** Service that the value is read from. */
  readonly service: "secretsmanager" | "ssm";
  /** Customer managed key of the value. @default - a key of AWS, which needs no right */
  readonly encryptionKey?: kms.IKey;
  /** ARN of what is read, without the part of it. */
  readonly resource: string;
  /** Name of the SSM parameter. @default - it is a secret */
  readonly parameterName?: string;
  readonly #action: string;

  private constructor(
    arn: string,
    hasField: boolean,
    service: "secretsmanager" | "ssm",
    action: string,
    resource: string,
    encryptionKey: kms.IKey | undefined,
    parameterName?: string,
  ) {
    super();
    this.arn = arn;
    this.hasField = hasField;
    this.service = service;
    this.#action = action;
    this.resource = resource;
    if (parameterName !== undefined) this.parameterName = parameterName;
    if (encryptionKey !== undefined) this.encryptionKey = encryptionKey;
  }

  /** @param encryptionKey customer managed key. @default - the one that `secret` knows */
  static of(
    secret: secretsmanager.ISecret,
    part: SecretPart = {},
    encryptionKey = secret.encryptionKey,
  ): ContainerSecret {
    const { jsonKey, versionStage, versionId } = part;
    // In the ARN of a secret that is known by its name the random characters at the end are missing.
    const resource = secret.secretFullArn ?? `${secret.secretArn}-??????`;
    const { arn } =
      versionStage === undefined && versionId === undefined
        ? ecs.Secret.fromSecretsManager(secret, jsonKey)
        : ecs.Secret.fromSecretsManagerVersion(
            secret,
            { ...(versionStage && { versionStage }), ...(versionId && { versionId }) },
            jsonKey,
          );
    return new ContainerSecret(
      arn,
      jsonKey !== undefined,
      "secretsmanager",
      "secretsmanager:GetSecretValue",
      resource,
      encryptionKey,
    );
  }

  /** @param encryptionKey customer managed key. @default - a key of AWS */
  static ofParameter(parameter: ssm.IParameter, encryptionKey?: kms.IKey): ContainerSecret {
    const { arn } = ecs.Secret.fromSsmParameter(parameter);
    return new ContainerSecret(
      arn,
      false,
      "ssm",
      "ssm:GetParameters",
      parameter.parameterArn,
      encryptionKey,
      parameter.parameterName,
    );
  }

  /** What a prop of type `ecs.Secret | secretsmanager.ISecret` stands for. */
  static from(secret: ecs.Secret | secretsmanager.ISecret): ecs.Secret {
    // What the makers of `ecs.Secret` return is not an instance of it.
    return "secretArn" in secret ? ContainerSecret.of(secret) : secret;
  }

  grantRead(grantee: iam.IGrantable): iam.Grant {
    return iam.Grant.addToPrincipal({ grantee, actions: [this.#action], resourceArns: [this.resource] });
  }
}
