import { createHash, createHmac, randomBytes } from "node:crypto";
import { BASE32, type Credentials } from "./credentials.ts";
import { isSame } from "./is-same.ts";

/** An assumed role: what the keys of a task, a function or a tool stand for. */
export interface RoleSession {
  /** ARN of the role. */
  readonly role: string;
  /** Name of the session, which identifies the caller: a task's id, a function's name. */
  readonly name: string;
  /** ARN of the function whose code has these keys. */
  readonly function?: string;
}

/** Keys of a role, which are good only together with their token. */
export interface SessionCredentials extends Credentials {
  readonly sessionToken: string;
}

/**
 * Keys of a role's session. The token holds the session, signed with the administrator's secret, so that
 * issued keys need no storage. The emulator makes those of functions in the same way (`keys_of_the_role` in
 * emulator/launcher/functions.py).
 *
 * @param administrator keys of the account
 */
export function sessionCredentials(
  administrator: Credentials,
  session: RoleSession,
  nonce: string = randomBytes(9).toString("base64url"),
): SessionCredentials {
  const claims = Buffer.from(JSON.stringify({ ...session, nonce })).toString("base64url");
  return keysOf(administrator, `${claims}.${seal(administrator, "session", claims)}`);
}

/**
 * The session that the keys of a call belong to.
 *
 * @returns `undefined` when the token is not one of this account, or belongs to another key
 */
export function sessionOf(
  administrator: Credentials,
  accessKeyId: string,
  sessionToken: string,
): { readonly session: RoleSession; readonly credentials: SessionCredentials } | undefined {
  const [claims = "", mac = ""] = sessionToken.split(".");
  if (!isSame(mac, seal(administrator, "session", claims))) return undefined;
  const credentials = keysOf(administrator, sessionToken);
  if (!isSame(accessKeyId, credentials.accessKeyId)) return undefined;
  const { nonce: _, ...session } = JSON.parse(Buffer.from(claims, "base64url").toString()) as RoleSession & {
    readonly nonce?: string;
  };
  return { session, credentials };
}

function keysOf(administrator: Credentials, sessionToken: string): SessionCredentials {
  const id = createHash("sha256").update(sessionToken).digest().subarray(0, 16);
  return {
    accessKeyId: `ASIA${[...id].map((byte) => BASE32[byte % BASE32.length]).join("")}`,
    secretAccessKey: seal(administrator, "secret", sessionToken),
    sessionToken,
  };
}

function seal({ secretAccessKey }: Credentials, purpose: "session" | "secret", text: string): string {
  return createHmac("sha256", secretAccessKey).update(`${purpose} ${text}`).digest("base64url");
}
