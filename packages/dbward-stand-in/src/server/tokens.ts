import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { State, TokenRecord } from "./state.ts";

/** A token that was just made, the only time that its value is known, and its record. */
export interface MintedToken {
  readonly value: string;
  readonly record: TokenRecord;
}

/** Makes a token and puts its record into the state; the caller saves. */
export function mintToken(
  state: State,
  owner: Pick<TokenRecord, "subjectId" | "subjectType" | "name" | "initial">,
): MintedToken {
  const value = `dbw_${randomBytes(16).toString("hex")}`;
  const record: TokenRecord = {
    id: randomUUID(),
    hash: hashToken(value),
    prefix: value.slice(0, 8),
    createdAt: new Date().toISOString(),
    ...owner,
  };
  state.tokens.push(record);
  return { value, record };
}

/** The record of a token that is valid. */
export function findToken(state: State, value: string): TokenRecord | undefined {
  const hash = hashToken(value);
  return state.tokens.find((token) => token.hash === hash && token.revokedAt === undefined);
}

export function revokeToken(token: TokenRecord): void {
  token.revokedAt ??= new Date().toISOString();
}

function hashToken(value: string): string {
  return createHash("sha256").update(value).digest("hex");
}
