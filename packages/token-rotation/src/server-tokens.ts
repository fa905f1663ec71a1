import { Deadline } from "@dbward-aws/core";
import { type DbwardClient, type TokenInfo, TokenRefusedError } from "@dbward-aws/dbward-client";

/** Milliseconds for one call of the server: through a port session it may take longer than in the same network. */
const CALL_MS = 30_000;

/** How the API is called: with the administrator's token, until the signal aborts. */
export interface ServerAccess {
  readonly client: DbwardClient;
  /** Token of the administrator. */
  readonly adminToken: string;
  readonly signal: AbortSignal;
}

/** Options of a call with a token. @default - the administrator's token */
export function callOptions({ adminToken, signal }: ServerAccess, token = adminToken) {
  return { token, deadline: Deadline.after(CALL_MS, signal) };
}

/** The first eight hex digits of a token, by which the server lists it. */
export function prefixOf(token: string): string {
  return token.slice(4, 12);
}

/** The row of a token in the server's list; `undefined` for a bootstrap token, which the server doesn't list. */
export function findByValue(rows: readonly TokenInfo[], token: string): TokenInfo | undefined {
  return rows.find(({ prefix }) => prefix === prefixOf(token));
}

/** Whether the server accepts a token, whoever it belongs to. */
export async function isAccepted(access: ServerAccess, token: string): Promise<boolean> {
  return (await subjectOf(access, token)) !== "refused";
}

/** The user of a token; `agent-token` for the token of any agent, `refused` for one that the server doesn't accept. */
export async function subjectOf(
  access: ServerAccess,
  token: string,
): Promise<{ readonly user: string } | "agent-token" | "refused"> {
  try {
    return { user: (await access.client.me(callOptions(access, token))).subjectId };
  } catch (error) {
    if (!(error instanceof TokenRefusedError)) throw error;
    // Agents may not make this call: 403 means that the server knows the token, 401 that it doesn't.
    return error.status === 403 ? "agent-token" : "refused";
  }
}

/** What the server says of a token; `not captured` when its secret is empty. */
export type Verdict = "works" | "refused" | "not captured";

/**
 * Makes a call that the owner of a token is allowed to make. The value is sent nowhere else.
 *
 * @throws DbwardRequestError when the server gives another answer, or none
 */
export async function verifyToken(
  { client, signal }: Pick<ServerAccess, "client" | "signal">,
  kind: "admin" | "metrics" | "agent",
  value: string | undefined,
): Promise<Verdict> {
  if (value === undefined) return "not captured";
  const access = { client, adminToken: value, signal };
  if (kind === "agent") return (await subjectOf(access, value)) === "agent-token" ? "works" : "refused";
  try {
    await (kind === "admin" ? client.listTokens(callOptions(access)) : client.agents(callOptions(access)));
    return "works";
  } catch (error) {
    if (error instanceof TokenRefusedError) return "refused";
    throw error;
  }
}
