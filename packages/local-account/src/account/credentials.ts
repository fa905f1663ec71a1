import { randomBytes } from "node:crypto";
import { EMULATED_ACCOUNT } from "@dbward-aws/contract";

/** Id of the emulated account. */
export const ACCOUNT_ID = EMULATED_ACCOUNT;

/** Keys of the emulated account: of its administrator, or of a role's session with a token. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Only a role's session has one. */
  readonly sessionToken?: string;
}

/**
 * Keys of the administrator, for one run of the emulated account. Whoever has them can run code as the user
 * of this machine, by a function or a task: they go into environments and files of the owner alone, never
 * into a log or an argument list.
 *
 * The id has the form of AWS's own keys, so that tools that check it are content.
 */
export function newCredentials(): Credentials {
  const letters = [...randomBytes(16)].map((byte) => BASE32[byte % BASE32.length]).join("");
  return { accessKeyId: `AKIA${letters}`, secretAccessKey: randomBytes(30).toString("base64url") };
}

/** Letters of the ids of keys. */
export const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
