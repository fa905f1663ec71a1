import type { ServerResponse } from "node:http";
import type { SessionCredentials } from "../account/index.ts";

/** Seconds for which keys from STS are valid by default. */
const LIFETIME_SECONDS = 3600;

/** Answers `GetCallerIdentity`, which needs no right. */
export function sendCallerIdentity(response: ServerResponse, account: string, arn: string): void {
  sendResult(
    response,
    "GetCallerIdentity",
    `<Arn>${arn}</Arn><UserId>AIDA${arn.split("/").at(-1)}</UserId><Account>${account}</Account>`,
  );
}

/** Keys of a role. @param arn of the session */
export function sendRoleSession(
  response: ServerResponse,
  arn: string,
  { accessKeyId, secretAccessKey, sessionToken }: SessionCredentials,
): void {
  const expiration = new Date(Date.now() + LIFETIME_SECONDS * 1000).toISOString();
  sendResult(
    response,
    "AssumeRole",
    `<AssumedRoleUser><Arn>${arn}</Arn><AssumedRoleId>AROALOCAL:${arn.split("/").at(-1)}</AssumedRoleId></AssumedRoleUser>` +
      `<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>` +
      `<SessionToken>${sessionToken}</SessionToken><Expiration>${expiration}</Expiration></Credentials>`,
  );
}

function sendResult(response: ServerResponse, operation: string, content: string): void {
  response.writeHead(200, { "content-type": "text/xml" });
  response.end(
    `<${operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${operation}Result>${content}</${operation}Result>` +
      `<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata></${operation}Response>`,
  );
}
