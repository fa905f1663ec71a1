import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { canonicalJson } from "../canonical-json.ts";
import type { Claim } from "./server-api.ts";

/** The Ed25519 key by which the server signs what an agent may execute. */
export type PublicKey = KeyObject;

/** The server's public key is not valid. */
export class NotAKey extends Error {
  override readonly name = "NotAKey";

  constructor() {
    super("the server's public key is not 64 hexadecimal digits of an Ed25519 key");
  }
}

/** A claim whose token doesn't allow it. */
export class TokenRefused extends Error {
  override readonly name = "TokenRefused";
}

/** @throws NotAKey */
export function publicKeyOf(hex: unknown): PublicKey {
  if (typeof hex !== "string" || !/^[0-9a-f]{64}$/i.test(hex.trim())) throw new NotAKey();
  const x = Buffer.from(hex.trim(), "hex").toString("base64url");
  try {
    return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  } catch {
    throw new NotAKey();
  }
}

/**
 * Checks that the server signed exactly what the claim asks for, and that the signature has not expired.
 *
 * @throws TokenRefused
 */
export function checkExecutionToken(claim: Claim, key: PublicKey): void {
  const token = parse(claim.execution_token);
  if (!(Date.parse(String(token.expires_at)) > Date.now())) throw refused("has expired");
  for (const name of ["request_id", "operation", "database", "environment"] as const)
    if (token[name] !== claim[name]) throw refused(`is for another ${name}`);
  const signed = claim.execution_plan_json ?? canonicalDetail(claim);
  if (createHash("sha256").update(signed).digest("hex") !== token.detail_hash)
    throw refused("is for another statement");
  const message = [
    claim.request_id,
    claim.operation,
    claim.environment,
    claim.database,
    token.detail_hash,
    token.expires_at,
    token.requester_role ?? "",
    token.requester_subject_id ?? "",
  ].join("|");
  if (!verify(null, Buffer.from(message), key, Buffer.from(String(token.signature), "hex")))
    throw refused("has a wrong signature");
}

/** Migrations are JSON, which is signed with its members in order. */
function canonicalDetail({ operation, detail }: Claim): string {
  return ["migrate_up", "migrate_down", "migrate_repair"].includes(operation)
    ? canonicalJson(detail)
    : detail;
}

function parse(text: string): Record<string, unknown> {
  try {
    const token: unknown = JSON.parse(text);
    if (typeof token === "object" && token !== null) return token as Record<string, unknown>;
  } catch {
    // Refused below.
  }
  throw refused("is not JSON");
}

function refused(why: string): TokenRefused {
  return new TokenRefused(`token verification failed: the execution token ${why}`);
}
