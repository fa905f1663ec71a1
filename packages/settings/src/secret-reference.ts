import { partitionProblem } from "./regions.ts";

/** A value in Secrets Manager, as a task definition's `valueFrom` can name one. */
export interface SecretReference {
  /** Name or ARN of the secret. */
  readonly secretId: string;
  /** Key of the value in a secret that holds JSON. @default - the whole secret */
  readonly jsonKey?: string;
  /** Staging label of the version, such as `AWSPREVIOUS`. @default AWSCURRENT */
  readonly versionStage?: string;
  readonly versionId?: string;
}

const SECRET_ID = /^(?:arn:[\w-]+:secretsmanager:[\w-]+:\d{12}:secret:)?[\w/+=.@-]{1,512}/;

/**
 * Parses a setting that names a secret: name or ARN, optionally followed by `:JSON-KEY:VERSION-STAGE:VERSION-ID` as in ECS. Each of
 * the three may be empty.
 *
 * @returns `undefined` when the text has another form: see {@link secretProblem}
 */
export function secretReference(text: string): SecretReference | undefined {
  const secretId = SECRET_ID.exec(text)?.[0];
  if (secretId === undefined || mistakenFor(text)) return undefined;
  if (secretId === text) return { secretId };
  const part = /^:([^:\p{Cc}]*):([\w/+=.@-]{0,256}):([\w-]{0,64})$/u.exec(text.slice(secretId.length));
  if (!part) return undefined;
  const [, jsonKey, versionStage, versionId] = part;
  if (versionStage && versionId) return undefined;
  return {
    secretId,
    ...(jsonKey && { jsonKey }),
    ...(versionStage && { versionStage }),
    ...(versionId && { versionId }),
  };
}

/** What is wrong with the text of a setting that names a secret, without repeating the text; `undefined` when it is valid. */
export function secretProblem(text: string): string | undefined {
  const reference = secretReference(text);
  if (reference) return partitionProblem(reference.secretId);
  const mistake = mistakenFor(text);
  if (mistake) return `must be the name or ARN of a secret in Secrets Manager, not ${mistake}`;
  const rest = text.slice(SECRET_ID.exec(text)?.[0].length ?? 0);
  if (!rest.startsWith(":"))
    return "must be the name or ARN of a secret in Secrets Manager: letters, digits and /_+=.@-";
  return (
    "must be the name or ARN of a secret, optionally followed by :JSON-KEY:VERSION-STAGE:VERSION-ID. Parts may be empty, but all colons " +
    'are needed, as in "name:password::"; name a version by its stage or by its id, not by both'
  );
}

/** Which kind of secret was written instead of the name of one; `undefined` when none was. */
function mistakenFor(text: string): string | undefined {
  if (text.includes("://")) return "the URL itself";
  return text.startsWith("dbw_") ? "the token itself" : undefined;
}
