import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

/**
 * Checks Signature Version 4 of a request without a query, and that all required headers are signed.
 *
 * @returns the problem, or `undefined`
 */
export function signatureProblem(
  request: IncomingMessage,
  body: string,
  credentials: { readonly secretAccessKey: string; readonly sessionToken: string },
): string | undefined {
  const { headers, method, url } = request;
  const parts = /Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)/.exec(
    headers.authorization ?? "",
  );
  if (!parts) return "not signed";
  const [, credential, signedHeaders, signature] = parts as unknown as [string, string, string, string];
  if (headers["x-amz-security-token"] !== credentials.sessionToken) return "wrong session token";
  for (const name of ["host", "x-amz-date", "x-amz-security-token", "x-amz-target"]) {
    if (!signedHeaders.split(";").includes(name)) return `${name} is not signed`;
  }
  const scope = credential.split("/").slice(1);
  const canonical = [
    method,
    url,
    "",
    ...signedHeaders.split(";").map((name) => `${name}:${String(headers[name]).trim()}`),
    "",
    signedHeaders,
    sha256(body),
  ].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope.join("/"), sha256(canonical)].join("\n");
  const key = scope.reduce<string | Buffer>(
    (at, part) => hmac(at, part),
    `AWS4${credentials.secretAccessKey}`,
  );
  const expected = hmac(key, toSign);
  return timingSafeEqual(expected, Buffer.from(signature, "hex"))
    ? undefined
    : "the signature does not match";
}
