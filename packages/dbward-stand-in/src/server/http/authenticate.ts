import { createHash } from "node:crypto";
import type { App } from "../app/app.ts";
import { AGENT_ROLE, type Role } from "../config/roles.ts";
import type { TokenRecord, UserRecord } from "../state/records.ts";
import { forbiddenBecause, unauthorized } from "./answer.ts";
import { Caller } from "./caller.ts";

/** SHA-256 of a token, under which it is kept. */
export function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/**
 * Finds out who makes a call.
 *
 * @param authorization the header
 * @throws Refusal 401 for a token that is none or no longer one, 403 when no role is left, 403 for an agent
 * outside of its calls
 */
export function authenticate(
  app: App,
  authorization: string | undefined,
  pathname: string,
  peer: string | undefined,
): Caller {
  const value = authorization?.startsWith("Bearer ") ? authorization.slice("Bearer ".length) : undefined;
  if (value === undefined) throw unauthorized();
  const token = app.store.state.tokens.find(({ hash }) => hash === hashOf(value));
  const denied = (reason: string) =>
    app.audit.record(
      { type: "auth.failure", category: "auth", actor: "anonymous", denied: reason, peer },
      true,
    );
  if (!token || !isUsable(app, token)) {
    // A token of the wrong form doesn't count as a failed attempt.
    if (!value.startsWith("eyJ")) denied(token ? "token revoked or expired" : "invalid token");
    throw unauthorized();
  }
  const user = app.store.state.users.find(({ id }) => id === token.subjectId);
  const roles = rolesOf(app, token, user);
  if (roles.length === 0) {
    denied("scope ceiling blocks all resolved roles");
    throw forbiddenBecause("insufficient permissions", "auth.insufficient_scope");
  }
  if (token.subjectType === "agent" && !pathname.startsWith("/api/agent/") && pathname !== "/api/public-key")
    throw forbiddenBecause("agent tokens cannot access this endpoint");
  return new Caller(token.subjectId, token.subjectType, roles, user?.groups ?? []);
}

function isUsable({ clock }: App, { revokedAt, expiresAt }: TokenRecord): boolean {
  return revokedAt === null && (expiresAt === null || clock.since(expiresAt) < 0);
}

function rolesOf(app: App, token: TokenRecord, user: UserRecord | undefined): readonly Role[] {
  const resolved = resolveRoles(app, token.subjectType, user);
  const { ceiling } = token;
  if (ceiling) return resolved.filter(({ name }) => ceiling.includes(name));
  return token.subjectType === "agent" ? resolved : [];
}

/** The roles of a subject: its own, those of its groups, and where there are none the default of the file. */
export function resolveRoles(
  app: App,
  subjectType: "user" | "agent",
  user: UserRecord | undefined,
): readonly Role[] {
  const { roles, groups, defaultRole } = app.config;
  const names = new Set<string>();
  if (subjectType === "agent") names.add(AGENT_ROLE);
  else if (user && !user.deleted) {
    for (const name of user.roles) names.add(name);
    for (const group of user.groups) for (const name of groups.get(group) ?? []) names.add(name);
  }
  if (names.size === 0 && defaultRole !== undefined) names.add(defaultRole);
  return [...names].flatMap((name) => roles.get(name) ?? []);
}
