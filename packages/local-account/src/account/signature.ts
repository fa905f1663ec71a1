import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Hash } from "@smithy/core/serde";
import { getCanonicalHeaders, SignatureV4 } from "@smithy/signature-v4";
import type { Credentials } from "./credentials.ts";
import { isSame } from "./is-same.ts";
import { type RoleSession, sessionOf } from "./role-session.ts";

/** Why a call is refused, by AWS's own name. */
export type SignatureFault =
  | "MissingAuthenticationToken"
  | "IncompleteSignature"
  | "InvalidClientTokenId"
  | "SignatureDoesNotMatch";

/** The caller that signed a call, and the service that it signed for. */
export interface Caller {
  /** `undefined` for the administrator. */
  readonly session: RoleSession | undefined;
  /** Name of the service in the signature, such as `monitoring` for CloudWatch. */
  readonly service: string;
  readonly region: string;
}

/**
 * A signature as it stands in a request: in the header `Authorization`, or in the query of a presigned URL.
 */
interface Claim {
  readonly accessKeyId: string;
  readonly service: string;
  readonly region: string;
  /** As in `20260101T000000Z`. */
  readonly date: string;
  readonly day: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** Seconds after the date in which it is good. */
  readonly lifetime: number;
  readonly presigned: boolean;
}

/** Seconds by which the clocks of AWS and of a caller may differ. */
const CLOCK_SKEW_SECONDS = 15 * 60;
const ALGORITHM = "AWS4-HMAC-SHA256";

/**
 * Checks a call's Signature Version 4 as AWS does, and finds its caller: the administrator, or a role's
 * session.
 *
 * The hash of the body is checked as well, unless the caller leaves it out of the signature, as AWS allows:
 * of a body that is sent in signed chunks only the first signature is checked.
 *
 * @param administrator keys of the account
 * @returns the fault of a call that is to be refused
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export async function authenticate(
  request: IncomingMessage,
  body: Buffer,
  administrator: Credentials,
  now: Date = new Date(),
): Promise<Caller | SignatureFault> {
  const [path = "/", search = ""] = splitOnce(request.url ?? "/", "?");
  const query = new URLSearchParams(search);
  const { authorization } = request.headers;
  if (authorization === undefined && !query.has("X-Amz-Signature")) return "MissingAuthenticationToken";
  const claim = authorization === undefined ? presignedClaim(query) : headerClaim(request, authorization);
  if (claim === undefined || !claim.signedHeaders.includes("host")) return "IncompleteSignature";
  const { service, region } = claim;
  const token = request.headers["x-amz-security-token"]?.toString() ?? query.get("X-Amz-Security-Token");
  const of = token ? sessionOf(administrator, claim.accessKeyId, token) : undefined;
  if (token && !of) return "InvalidClientTokenId";
  const credentials = of?.credentials ?? administrator;
  if (!isSame(claim.accessKeyId, credentials.accessKeyId)) return "InvalidClientTokenId";
  const signedAt = dateOf(claim.date);
  if (signedAt === undefined || claim.day !== claim.date.slice(0, 8)) return "IncompleteSignature";
  const age = (now.getTime() - signedAt.getTime()) / 1000;
  if (age < -CLOCK_SKEW_SECONDS || age > claim.lifetime) return "SignatureDoesNotMatch";
  const hash = createHash("sha256").update(body).digest("hex");
  const stated = request.headers["x-amz-content-sha256"]?.toString();
  if (stated !== undefined && /^[0-9a-f]{64}$/i.test(stated) && !isSame(stated.toLowerCase(), hash))
    return "SignatureDoesNotMatch";
  const payload = stated ?? (claim.presigned && claim.service === "s3" ? "UNSIGNED-PAYLOAD" : hash);
  const signature = await new Signer(credentials, claim).signatureOf({
    method: request.method ?? "GET",
    path,
    query: queryOf(query),
    headers: headersOf(request, claim.signedHeaders),
    signedHeaders: claim.signedHeaders,
    payload,
    signedAt,
  });
  return isSame(signature, claim.signature)
    ? { session: of?.session, service, region }
    : "SignatureDoesNotMatch";
}

interface SignedParts {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string[]>;
  readonly headers: Record<string, string>;
  readonly signedHeaders: readonly string[];
  readonly payload: string;
  readonly signedAt: Date;
}

/** Recomputes a signature by the steps of the SDK's signer, for the headers that the caller signed. */
class Signer extends SignatureV4 {
  readonly #claim: Claim;

  constructor(credentials: Credentials, claim: Claim) {
    const { service, region } = claim;
    super({
      credentials,
      service,
      region,
      sha256: Hash.bind(null, "sha256"),
      uriEscapePath: service !== "s3",
    });
    this.#claim = claim;
  }

  async signatureOf(parts: SignedParts): Promise<string> {
    const { day, region, service, date } = this.#claim;
    const canonical = this.createCanonicalRequest(
      { ...parts, protocol: "http:", hostname: "" } as never,
      getCanonicalHeaders(parts as never, undefined, new Set(parts.signedHeaders)),
      parts.payload,
    );
    const text = await this.createStringToSign(
      date,
      `${day}/${region}/${service}/aws4_request`,
      canonical,
      ALGORITHM,
    );
    return this.sign(text, { signingDate: parts.signedAt, signingRegion: region, signingService: service });
  }
}

function headerClaim(request: IncomingMessage, authorization: string): Claim | undefined {
  const [, credential = "", signedHeaders = "", signature = ""] =
    /^AWS4-HMAC-SHA256 +Credential=([^, ]+), *SignedHeaders=([^, ]+), *Signature=([0-9a-f]{64})$/.exec(
      authorization,
    ) ?? [];
  const date = request.headers["x-amz-date"]?.toString() ?? "";
  return claimOf(credential, {
    date,
    signedHeaders,
    signature,
    lifetime: CLOCK_SKEW_SECONDS,
    presigned: false,
  });
}

function presignedClaim(query: URLSearchParams): Claim | undefined {
  const text = (name: string) => query.get(`X-Amz-${name}`) ?? "";
  if (text("Algorithm") !== ALGORITHM || !/^\d{1,6}$/.test(text("Expires"))) return undefined;
  return claimOf(text("Credential"), {
    date: text("Date"),
    signedHeaders: text("SignedHeaders"),
    signature: text("Signature"),
    lifetime: Number(text("Expires")),
    presigned: true,
  });
}

function claimOf(
  credential: string,
  more: Pick<Claim, "date" | "signature" | "lifetime" | "presigned"> & { readonly signedHeaders: string },
): Claim | undefined {
  const [accessKeyId, day, region, service, terminator, ...rest] = credential.split("/");
  if (!accessKeyId || !day || !region || !service || terminator !== "aws4_request" || rest.length > 0)
    return undefined;
  return {
    ...more,
    accessKeyId,
    day,
    region,
    service,
    signedHeaders: more.signedHeaders.toLowerCase().split(";"),
  };
}

function dateOf(text: string): Date | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function headersOf(request: IncomingMessage, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const values = request.headersDistinct[name];
      return values === undefined ? [] : [[name, values.map((value) => value.trim()).join(",")]];
    }),
  );
}

function queryOf(query: URLSearchParams): Record<string, string[]> {
  const all = new Map<string, string[]>();
  for (const [name, value] of query) all.set(name, [...(all.get(name) ?? []), value]);
  return Object.fromEntries(all);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
