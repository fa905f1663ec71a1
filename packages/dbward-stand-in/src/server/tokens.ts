import { randomBytes, randomUUID } from "node:crypto";
import { z } from "zod";
import type { App } from "./app/app.ts";
import { AGENT_ROLE, type Role } from "./config/roles.ts";
import { conflict, created, forbidden, invalid, notFound, ok, type Reply } from "./http/answer.ts";
import { hashOf, resolveRoles } from "./http/authenticate.ts";
import { EVERYWHERE } from "./http/caller.ts";
import { optionalText } from "./http/fields.ts";
import { type AnyRoute, type Call, route } from "./http/router.ts";
import type { TokenRecord } from "./state/records.ts";

/** A token that was just made, the only time that its value is known, and its record. */
export interface MintedToken {
  readonly value: string;
  readonly record: TokenRecord;
}

/** Makes a token and puts its record into the state. */
export function mintToken(
  { store, clock }: App,
  owner: Pick<TokenRecord, "subjectId" | "subjectType" | "name" | "ceiling" | "kind"> & {
    expiresAt?: string | null;
  },
): MintedToken {
  const value = `dbw_${randomBytes(16).toString("hex")}`;
  const record: TokenRecord = {
    expiresAt: null,
    ...owner,
    id: randomUUID(),
    hash: hashOf(value),
    prefix: value.slice(4, 12),
    createdAt: clock.timestamp(),
    revokedAt: null,
  };
  store.state.tokens.push(record);
  store.changed();
  return { value, record };
}

/** Revokes the active tokens of a user. @returns how many they were */
export function revokeTokensOf({ store, clock }: App, userId: string): number {
  const active = store.state.tokens.filter(
    ({ subjectId, subjectType, revokedAt }) =>
      subjectType === "user" && subjectId === userId && revokedAt === null,
  );
  for (const token of active) token.revokedAt = clock.timestamp();
  store.changed();
  return active.length;
}

const NEW_TOKEN = z.strictObject({
  subject_id: z.string(),
  subject_type: z.string(),
  name: optionalText,
  scope_ceiling: z.strictObject({ roles: z.array(z.string()) }).nullish(),
  expires_at: z.iso.datetime({ offset: true }).nullish(),
});
type NewToken = z.infer<typeof NEW_TOKEN>;

/** `/api/tokens`. */
export function tokenRoutes(app: App): AnyRoute[] {
  const { store, clock, audit } = app;
  const { state } = store;

  function create({ body, caller, peer }: Call<NewToken>): Reply {
    const subjectType = checkSubject(body, caller);
    checkCount(body.subject_id, subjectType);
    const expiresAt = body.expires_at ?? null;
    const ceiling = body.scope_ceiling?.roles ?? null;
    if (subjectType === "agent" && ceiling !== null && ceiling.join() !== AGENT_ROLE)
      throw invalid(`agent tokens must have no scope_ceiling, or ${AGENT_ROLE}`);
    checkRoles(app, ceiling ?? []);
    if (ceiling?.length === 0) throw invalid("scope_ceiling.roles must not be empty");
    if (expiresAt !== null && clock.since(expiresAt) >= 0) throw invalid("expires_at must be in the future");
    const user = subjectType === "user" ? state.users.find(({ id }) => id === body.subject_id) : undefined;
    if (user?.status === "suspended") throw conflict("cannot create token for suspended user");
    const resolved = resolveRoles(app, subjectType, user);
    const limit = ceiling ?? (subjectType === "user" ? resolved.map(({ name }) => name) : null);
    const effective = limit ? resolved.filter(({ name }) => limit.includes(name)) : resolved;
    if (effective.length === 0) throw invalid("the subject has none of the roles of scope_ceiling");
    const { value, record } = mintToken(app, {
      subjectId: body.subject_id,
      subjectType,
      name: body.name ?? null,
      ceiling: limit,
      kind: "minted",
      expiresAt,
    });
    audit.record({
      type: "token.created",
      category: "token",
      actor: caller.subjectId,
      resource: record.id,
      metadata: {
        issued_by: caller.subjectId,
        issued_for: body.subject_id,
        scope_ceiling: ceilingOf(record),
      },
      peer,
    });
    return created({
      id: record.id,
      token: value,
      prefix: record.prefix,
      subject_id: record.subjectId,
      scope_ceiling: ceilingOf(record),
      effective_roles: effective.map(({ name }) => name),
      effective_permissions: permissionsOf(effective),
      expires_at: expiresAt,
    });
  }

  /** Expired ones count until they are revoked. */
  function checkCount(subjectId: string, subjectType: TokenRecord["subjectType"]): void {
    const { maxActiveTokens } = app.config;
    const active = state.tokens.filter(
      (token) =>
        token.subjectId === subjectId && token.subjectType === subjectType && token.revokedAt === null,
    );
    if (maxActiveTokens > 0 && active.length >= maxActiveTokens)
      throw invalid("active token limit reached; revoke unused tokens first");
  }

  /** @throws Refusal 404 also for bootstrap tokens, which the API doesn't expose */
  function find(id: string): TokenRecord {
    const token = state.tokens.find((each) => each.id === id && each.kind !== "bootstrap");
    if (!token) throw notFound("token not found");
    return token;
  }

  function revoke({ path, caller, peer }: Call): Reply {
    const token = find(path.id!);
    if (!caller.mayWith("token.revoke", EVERYWHERE, token.subjectId)) throw forbidden();
    token.revokedAt ??= clock.timestamp();
    store.changed();
    audit.record({
      type: "token.revoked",
      category: "token",
      actor: caller.subjectId,
      resource: token.id,
      peer,
    });
    return ok({ id: token.id, revoked_at: token.revokedAt });
  }

  function inspect({ path, caller }: Call): Reply {
    const token = find(path.id!);
    const own = token.subjectId === caller.subjectId && token.subjectType === caller.subjectType;
    if (!own && !caller.may("token.list")) throw forbidden();
    const user = state.users.find(({ id }) => id === token.subjectId);
    const resolved = resolveRoles(app, token.subjectType, user);
    const { ceiling } = token;
    const effective = ceiling ? resolved.filter(({ name }) => ceiling.includes(name)) : resolved;
    return ok({
      id: token.id,
      subject_id: token.subjectId,
      subject_type: token.subjectType,
      scope_ceiling: ceilingOf(token),
      resolved_roles: resolved.map(({ name }) => name),
      effective_roles: effective.map(({ name }) => name),
      effective_permissions: permissionsOf(effective),
      status: statusOf(token),
    });
  }

  return [
    route({ method: "POST", path: "/api/tokens", body: { schema: NEW_TOKEN }, answer: create }),
    route({
      method: "GET",
      path: "/api/tokens",
      permission: "token.list",
      answer: () => ok({ tokens: state.tokens.filter(({ kind }) => kind !== "bootstrap").map(view) }),
    }),
    route({ method: "DELETE", path: "/api/tokens/{id}", answer: revoke }),
    route({ method: "GET", path: "/api/tokens/{id}/inspect", answer: inspect }),
  ];
}

function checkSubject(body: NewToken, caller: Call["caller"]): TokenRecord["subjectType"] {
  if (body.subject_id === "") throw invalid("subject_id is required");
  if (body.subject_type !== "agent" && body.subject_type !== "user")
    throw invalid("subject_type must be 'user' or 'agent'");
  if (body.subject_type === "user" && body.subject_id !== caller.subjectId) throw forbidden();
  if (!caller.may(body.subject_type === "agent" ? "token.create_agent" : "token.create")) throw forbidden();
  return body.subject_type;
}

/** @throws Refusal 400 for a role that is neither built in nor of the file */
export function checkRoles({ config }: App, names: readonly string[]): void {
  const unknown = names.find((name) => !config.roles.has(name));
  if (unknown !== undefined) throw invalid(`unknown role: ${unknown}`);
}

function permissionsOf(roles: readonly Role[]): string[] {
  return [...new Set(roles.flatMap(({ permissions }) => [...permissions.keys()]))].sort();
}

function view(token: TokenRecord) {
  return {
    id: token.id,
    subject_type: token.subjectType,
    subject_id: token.subjectId,
    token_prefix: token.prefix,
    scope_ceiling: ceilingOf(token),
    name: token.name,
    status: statusOf(token),
    expires_at: token.expiresAt,
    created_at: token.createdAt,
    revoked_at: token.revokedAt,
  };
}

function statusOf({ revokedAt }: TokenRecord): "active" | "revoked" {
  return revokedAt === null ? "active" : "revoked";
}

function ceilingOf({ ceiling }: TokenRecord) {
  return ceiling && { roles: ceiling };
}
