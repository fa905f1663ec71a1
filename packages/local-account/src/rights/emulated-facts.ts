import { z } from "zod";
import {
  callAsStage,
  callJson,
  type EmulatorAccess,
  EmulatorCallFailed,
  getJson,
  type TARGETS,
} from "../account/index.ts";
import { optionalMember } from "../json-text.ts";
import type { Account } from "./calls/index.ts";
import { type PolicyDocument, parsePolicy } from "./policy/index.ts";

/** What the emulated account says of resources that calls name, and of the policies that they have. */
export class EmulatedFacts implements Account {
  readonly #access: EmulatorAccess;

  constructor(access: EmulatorAccess) {
    this.#access = access;
  }

  async secret(SecretId: string): ReturnType<Account["secret"]> {
    const found = await this.#json(
      "secretsmanager",
      "DescribeSecret",
      { SecretId },
      z.object({ ARN: z.string(), KmsKeyId: optionalText }),
    );
    return found && { arn: found.ARN, key: ownKey(found.KmsKeyId) };
  }

  async parameterKey(name: string): Promise<string | undefined> {
    const found = await this.#json(
      "ssm",
      "DescribeParameters",
      { ParameterFilters: [{ Key: "Name", Option: "Equals", Values: [name] }] },
      z.object({ Parameters: z.array(z.object({ Name: optionalText, KeyId: optionalText })) }),
    );
    return ownKey(found?.Parameters.find(({ Name }) => Name === name)?.KeyId);
  }

  async bucketKey(bucket: string): Promise<string | undefined> {
    const text = await this.#text("s3:GetEncryptionConfiguration", "s3", `/${bucket}?encryption`);
    return ownKey(/<KMSMasterKeyID>([^<]+)</.exec(text ?? "")?.[1]);
  }

  async taskDefinition(taskDefinition: string): ReturnType<Account["taskDefinition"]> {
    const found = await this.#json(
      "ecs",
      "DescribeTaskDefinition",
      { taskDefinition },
      z.object({ taskDefinition: z.record(z.string(), z.unknown()) }),
    );
    if (!found) return undefined;
    const { taskDefinitionArn, ...members } = found.taskDefinition;
    // One that CloudFormation made inside the emulator has members in CloudFormation's spelling.
    const roles = ["taskRoleArn", "executionRoleArn"].flatMap(
      (name) => members[name] ?? members[name[0]!.toUpperCase() + name.slice(1)] ?? [],
    );
    return { arn: String(taskDefinitionArn), roles: roles.map(String) };
  }

  /**
   * The policy that a resource has of its own.
   *
   * @param resource ARN of what a call is about: an object, its bucket's policy counts
   * @returns `undefined` when it has none
   * @throws PolicyNotUnderstood
   */
  async resourcePolicy(resource: string): Promise<PolicyDocument | undefined> {
    const [, , service = "", , , ...rest] = resource.split(":");
    const name = rest.join(":");
    const text = await this.#policyText(service, resource, name);
    return text ? parsePolicy(text) : undefined;
  }

  async #policyText(service: string, arn: string, name: string): Promise<string | undefined> {
    switch (service) {
      case "secretsmanager":
        return (
          await this.#json(
            service,
            "GetResourcePolicy",
            { SecretId: arn },
            z.object({ ResourcePolicy: optionalText }),
          )
        )?.ResourcePolicy;
      case "kms":
        return (
          await this.#json(service, "GetKeyPolicy", { KeyId: arn, PolicyName: "default" }, policyAnswer)
        )?.Policy;
      case "s3":
        return this.#text("s3:GetBucketPolicy", service, `/${name.split("/")[0]}?policy`);
      case "elasticfilesystem":
        return this.#fileSystemPolicy(name.split("/").at(-1)!);
      case "sns":
        return this.#topicPolicy(arn);
      default:
        return undefined;
    }
  }

  async #fileSystemPolicy(id: string): Promise<string | undefined> {
    const path = `/2015-02-01/file-systems/${id}/policy`;
    const found = await ifThere(
      getJson(this.#access, "elasticfilesystem:DescribeFileSystemPolicy", path, policyAnswer),
    );
    return found?.Policy;
  }

  async #topicPolicy(arn: string): Promise<string | undefined> {
    const query = new URLSearchParams({ Action: "GetTopicAttributes", TopicArn: arn, Version: "2010-03-31" });
    const text = await this.#text("sns:GetTopicAttributes", "sns", `/?${query}`);
    const value = /<key>Policy<\/key>\s*<value>([^<]*)</.exec(text ?? "")?.[1];
    return value?.replaceAll("&quot;", '"').replaceAll("&amp;", "&");
  }

  #json<Schema extends z.ZodType>(
    service: keyof typeof TARGETS,
    operation: string,
    input: object,
    schema: Schema,
  ): Promise<z.output<Schema> | undefined> {
    return ifThere(callJson(this.#access, service, operation, input, schema));
  }

  async #text(name: string, service: string, path: string): Promise<string | undefined> {
    const { status, body } = await callAsStage(this.#access, { name, service, method: "GET", path });
    return status < 400 ? body.toString() : undefined;
  }
}

const optionalText = optionalMember(z.string());
const policyAnswer = z.object({ Policy: optionalText });

/** Ignores an error: the call goes on, and its own answer reports the missing resource. */
async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch((error: unknown) => {
    if (error instanceof EmulatorCallFailed && error.cause === undefined) return undefined;
    throw error;
  });
}

/** AWS managed keys are open to everyone who may use the service. */
function ownKey(key: string | undefined): string | undefined {
  return key === undefined || /(?:^|:)alias\/aws\//.test(key) ? undefined : key;
}
