import { createHash, createHmac } from "node:crypto";

/** A request that is to be signed; its headers are completed. */
export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

/**
 * Signs a request by AWS Signature Version 4, for a path and a query that need no encoding.
 *
 * @param user `key:secret`
 * @param scope `aws:amz:<region>:<service>`, as curl's `--aws-sigv4` has it
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function sign(request: SignedRequest, user: string, scope: string, now = new Date()): void {
  const { method, url, headers, body } = request;
  const [, , region = "", service = ""] = scope.split(":");
  const [key = "", ...secret] = user.split(":");
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const day = time.slice(0, 8);
  headers.set("x-amz-date", time);
  const signed = [["host", url.host] as const, ...headers].sort(([a], [b]) => (a < b ? -1 : 1));
  const names = signed.map(([name]) => name).join(";");
  const canonical = [
    method,
    url.pathname,
    url.searchParams.toString(),
    ...signed.map(([name, value]) => `${name}:${value.trim()}`),
    "",
    names,
    hash(body),
  ].join("\n");
  const place = `${day}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, place, hash(canonical)].join("\n");
  const signingKey = [day, region, service, "aws4_request"].reduce<string | Buffer>(
    (previous, part) => createHmac("sha256", previous).update(part).digest(),
    `AWS4${secret.join(":")}`,
  );
  const signature = createHmac("sha256", signingKey).update(text).digest("hex");
  headers.set(
    "authorization",
    `AWS4-HMAC-SHA256 Credential=${key}/${place}, SignedHeaders=${names}, Signature=${signature}`,
  );
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
