import { type Account, arnOf, type Call, keyNeed, type Need, type NeedsOf, text, texts } from "./call.ts";

/** Operations of Secrets Manager on one secret that exists. */
const ON_A_SECRET: ReadonlySet<string> = new Set([
  "CancelRotateSecret",
  "DeleteSecret",
  "DescribeSecret",
  "GetResourcePolicy",
  "GetSecretValue",
  "ListSecretVersionIds",
  "PutSecretValue",
  "RestoreSecret",
  "RotateSecret",
  "TagResource",
  "UntagResource",
  "UpdateSecret",
  "UpdateSecretVersionStage",
]);

/** @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html */
export const secretsManagerNeeds: NeedsOf = async (call, account) => {
  const operation = call.operation ?? "";
  const action = `secretsmanager:${operation}`;
  if (operation === "ListSecrets" || operation === "GetRandomPassword") return [{ action, resource: "*" }];
  const id = text(call, operation === "CreateSecret" ? "Name" : "SecretId");
  if (id === undefined || !(operation === "CreateSecret" || ON_A_SECRET.has(operation))) return undefined;
  const secret = await account.secret(id);
  const resource =
    secret?.arn ?? (id.startsWith("arn:") ? id : arnOf(call.place, "secretsmanager", `secret:${id}`));
  const stage = text(call, "VersionStage");
  const context = {
    "secretsmanager:SecretId": resource,
    ...(stage ? { "secretsmanager:VersionStage": stage } : {}),
  };
  return [{ action, resource, context }, ...secretKeyNeeds(call, operation, secret)];
};

/** A value is decrypted and encrypted with the caller's rights on a key that is not AWS's own. */
function secretKeyNeeds(
  { place }: Call,
  operation: string,
  secret: Awaited<ReturnType<Account["secret"]>>,
): Need[] {
  if (!secret?.key) return [];
  const { arn, key } = secret;
  const use = (action: "kms:Decrypt" | "kms:GenerateDataKey") =>
    keyNeed(place, action, key, "secretsmanager", ["SecretARN", arn]);
  if (operation === "GetSecretValue") return [use("kms:Decrypt")];
  return operation === "PutSecretValue" || operation === "UpdateSecret"
    ? [use("kms:GenerateDataKey"), use("kms:Decrypt")]
    : [];
}

/** @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html */
export const ssmNeeds: NeedsOf = async (call, account) => {
  const operation = call.operation ?? "";
  const action = `ssm:${operation}`;
  switch (operation) {
    case "GetParameter":
    case "GetParameters":
    case "GetParameterHistory": {
      const names = operation === "GetParameters" ? texts(call, "Names") : [text(call, "Name") ?? ""];
      const needs = await Promise.all(names.map((name) => parameterNeeds(call, action, name, account)));
      return needs.flat();
    }
    case "PutParameter": {
      const name = text(call, "Name");
      // A SecureString under a customer managed key would need rights on the key as well.
      return name === undefined || text(call, "Type") !== "String"
        ? undefined
        : [{ action, resource: parameterArn(call, name) }];
    }
    case "GetParametersByPath":
      return [{ action, resource: parameterArn(call, text(call, "Path") ?? "/") }];
    case "DescribeParameters":
      return [{ action, resource: "*" }];
    case "StartSession":
      return sessionNeeds(call, action);
    case "ResumeSession":
    case "TerminateSession":
      return [{ action, resource: arnOf(call.place, "ssm", `session/${text(call, "SessionId") ?? ""}`) }];
    default:
      return undefined;
  }
};

/** A target of ECS. Names of clusters may contain underscores. */
const TARGET = /^ecs:(?<cluster>[\w-]+)_(?<task>[\da-f-]+)_[\da-f-]+$/;

/**
 * A session needs the right to its task and, unless it has the account's default document, to its document.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-sessiondocumentaccesscheck.html
 */
function sessionNeeds(call: Call, action: string): Need[] | undefined {
  const { cluster, task } = TARGET.exec(text(call, "Target") ?? "")?.groups ?? {};
  if (cluster === undefined || task === undefined) return undefined;
  const context = { "ssm:SessionDocumentAccessCheck": "true" };
  const need = (resource: string): Need => ({ action, resource, context });
  const document = text(call, "DocumentName");
  return [
    need(arnOf(call.place, "ecs", `task/${cluster}/${task}`)),
    ...(document === undefined ? [] : [need(documentArn(call, document))]),
  ];
}

/** A document of AWS's own is in no account. */
function documentArn({ place }: Call, name: string): string {
  if (name.startsWith("arn:")) return name;
  return arnOf(name.startsWith("AWS-") ? { ...place, account: "" } : place, "ssm", `document/${name}`);
}

async function parameterNeeds(call: Call, action: string, name: string, account: Account): Promise<Need[]> {
  const resource = parameterArn(call, name);
  const need = { action, resource };
  if (call.input.WithDecryption !== true) return [need];
  const key = await account.parameterKey(resource.replace(/^.*?:parameter/, ""));
  return key === undefined
    ? [need]
    : [need, keyNeed(call.place, "kms:Decrypt", key, "ssm", ["PARAMETER_ARN", resource])];
}

/** @param name its ARN, or its name with a version or label after a colon or without */
function parameterArn({ place }: Call, name: string): string {
  if (name.startsWith("arn:")) return name;
  return arnOf(place, "ssm", `parameter/${name.replace(/^\//, "").split(":")[0]}`);
}
