import { z } from "zod";
import type { App } from "./app/app.ts";
import {
  conflict,
  created,
  forbidden,
  gone,
  invalid,
  notFound,
  ok,
  overPlan,
  type Reply,
} from "./http/answer.ts";
import { resolveRoles } from "./http/authenticate.ts";
import { type AnyRoute, type Call, route } from "./http/router.ts";
import { cancelRequestsOf } from "./requests/life.ts";
import type { UserRecord } from "./state/records.ts";
import { checkRoles, mintToken, revokeTokensOf } from "./tokens.ts";

/** Users of the free plan, `admin` and `agent` among them. */
const MAX_USERS = 20;

/** dbward reads these bodies loosely: what has another type counts as left out. */
const LOOSE = z.unknown();

/** `/api/users` and `/api/me`. */
export function userRoutes(app: App): AnyRoute[] {
  const { store, clock, audit } = app;
  const { state } = store;

  const note = (type: string, { caller, peer }: Pick<Call, "caller" | "peer">, user: UserRecord) =>
    audit.record({ type, category: "identity", actor: caller.subjectId, resource: user.id, peer });

  /** @throws Refusal 404 for an id that never existed */
  function find(id: string): UserRecord {
    const user = state.users.find((each) => each.id === id);
    if (!user) throw notFound("user not found");
    return user;
  }

  /** @throws Refusal 410 when the user was deleted */
  function findPresent(id: string): UserRecord {
    const user = find(id);
    if (user.deleted) throw gone("user has been deleted");
    return user;
  }

  const present = () => state.users.filter(({ deleted }) => !deleted);

  function checkGroups(groups: readonly string[]): void {
    const unknown = groups.find((name) => !app.config.groups.has(name));
    if (unknown !== undefined) throw invalid(`group '${unknown}' is not defined in config`);
  }

  function create(call: Call<unknown>): Reply {
    const { id } = memberOf(call.body);
    const roles = texts(call.body, "roles") ?? [];
    const groups = texts(call.body, "groups") ?? [];
    if (typeof id !== "string") throw invalid("id is required");
    if (!/^[A-Za-z0-9_@.-]{1,128}$/.test(id))
      throw invalid("user id must have 1 to 128 letters, digits, hyphens, underscores, @ and dots");
    checkRoles(app, roles);
    checkGroups(groups);
    if (state.users.some((user) => user.id === id)) throw conflict(`user '${id}' already exists`);
    if (present().length >= MAX_USERS) throw overPlan("user limit reached");
    const now = clock.timestamp();
    const user: UserRecord = {
      id,
      roles,
      groups,
      status: "active",
      deleted: false,
      createdAt: now,
      updatedAt: now,
    };
    state.users.push(user);
    const effective = resolveRoles(app, "user", user).map(({ name }) => name);
    const { value, record } = mintToken(app, {
      subjectId: id,
      subjectType: "user",
      name: "initial",
      kind: "initial",
      ceiling: effective,
    });
    note("user.created", call, user);
    return created({ id, token: value, token_prefix: record.prefix, roles: effective, groups });
  }

  function show({ path, caller }: Call): Reply {
    if (path.id !== caller.subjectId && !caller.may("user.read")) throw forbidden();
    const user = findPresent(path.id!);
    return ok({
      id: user.id,
      display_name: null,
      email: null,
      status: user.status,
      roles: user.roles,
      groups: user.groups,
      created_at: user.createdAt,
    });
  }

  function update(call: Call<unknown>): Reply {
    const { body } = call;
    const set = texts(body, "roles");
    const [addRoles, rmRoles, addGroups, rmGroups] = ["add_roles", "rm_roles", "add_groups", "rm_groups"].map(
      (name) => texts(body, name) ?? [],
    ) as [string[], string[], string[], string[]];
    if (!set && [addRoles, rmRoles, addGroups, rmGroups].every(({ length }) => length === 0))
      throw invalid("no updateable fields provided (use roles, add_roles, rm_roles, add_groups, rm_groups)");
    const user = findPresent(call.path.id!);
    if (addGroups.some((group) => rmGroups.includes(group)))
      throw invalid("a group cannot be in both add_groups and rm_groups");
    const roles = set ?? [...new Set([...user.roles, ...addRoles])].filter((role) => !rmRoles.includes(role));
    checkRoles(app, roles);
    checkGroups(addGroups);
    const groups = [...new Set([...user.groups, ...addGroups])].filter((group) => !rmGroups.includes(group));
    if (!isAdmin({ ...user, roles, groups })) keepLastAdmin(user, "remove admin role from");
    Object.assign(user, { roles, groups, updatedAt: clock.timestamp() });
    store.changed();
    note("user.updated", call, user);
    return ok({ id: user.id, updated: true });
  }

  const isAdmin = (user: UserRecord) => resolveRoles(app, "user", user).some(({ name }) => name === "admin");

  function keepLastAdmin(user: UserRecord, verb: string): void {
    const admins = present().filter((each) => each.status === "active" && isAdmin(each));
    if (admins.length <= 1 && admins.includes(user)) throw invalid(`cannot ${verb} the last admin`);
  }

  function suspend(call: Call): Reply {
    const user = find(call.path.id!);
    keepLastAdmin(user, "suspend");
    Object.assign(user, { status: "suspended", updatedAt: clock.timestamp() });
    const revoked = revokeTokensOf(app, user.id);
    const cancelled = cancelRequestsOf(app, user.id);
    note("user.suspended", call, user);
    return ok({ id: user.id, revoked_tokens: revoked, cancelled_requests: cancelled });
  }

  function activate(call: Call): Reply {
    const user = findPresent(call.path.id!);
    if (user.status === "suspended" && present().length > MAX_USERS) throw overPlan("user limit reached");
    Object.assign(user, { status: "active", updatedAt: clock.timestamp() });
    store.changed();
    note("user.activated", call, user);
    return ok({ id: user.id });
  }

  function remove(call: Call): Reply {
    const user = findPresent(call.path.id!);
    keepLastAdmin(user, "delete");
    Object.assign(user, { deleted: true, groups: [], updatedAt: clock.timestamp() });
    revokeTokensOf(app, user.id);
    cancelRequestsOf(app, user.id);
    note("user.deleted", call, user);
    return ok({ id: user.id, deleted: true });
  }

  function reissue({ path, caller, peer }: Call): Reply {
    const user = findPresent(path.id!);
    if (user.status === "suspended") throw conflict("cannot reissue token for suspended user");
    const roles = resolveRoles(app, "user", user).map(({ name }) => name);
    if (roles.length === 0) throw invalid("user has no resolved roles; assign roles first");
    const old = state.tokens.find(
      ({ kind, subjectId, revokedAt }) => kind === "initial" && subjectId === user.id && revokedAt === null,
    );
    if (old) old.revokedAt = clock.timestamp();
    const { value, record } = mintToken(app, {
      subjectId: user.id,
      subjectType: "user",
      name: "initial",
      kind: "initial",
      ceiling: roles,
    });
    audit.record({
      type: "token.reissued_initial",
      category: "token",
      actor: caller.subjectId,
      resource: record.id,
      peer,
    });
    return ok({
      reissued_token_id: record.id,
      reissued_at: record.createdAt,
      revoked_old_token_id: old?.id ?? null,
      delivery_status: "not_configured",
      delivery_channel: null,
      token: value,
      manual_recovery_required: true,
    });
  }

  const me = ({ caller }: Call): Reply =>
    ok({
      subject_id: caller.subjectId,
      subject_type: caller.subjectType,
      roles: caller.roles.map(({ name, permissions, databases, environments }) => ({
        name,
        permissions: [...permissions.keys()],
        databases,
        environments,
      })),
      groups: caller.groups,
    });

  const user = "/api/users/{id}";
  return [
    route({ method: "GET", path: "/api/me", answer: me }),
    route({
      method: "GET",
      path: "/api/users",
      permission: "user.read",
      answer: () => ok({ users: present().toReversed().map(row) }),
    }),
    route({
      method: "POST",
      path: "/api/users",
      permission: "user.write",
      body: { schema: LOOSE },
      answer: create,
    }),
    route({ method: "GET", path: user, answer: show }),
    route({ method: "PATCH", path: user, permission: "user.write", body: { schema: LOOSE }, answer: update }),
    route({ method: "DELETE", path: user, permission: "user.write", answer: remove }),
    route({ method: "POST", path: `${user}/suspend`, permission: "user.write", answer: suspend }),
    route({ method: "POST", path: `${user}/activate`, permission: "user.write", answer: activate }),
    route({
      method: "POST",
      path: `${user}/reissue-initial-token`,
      permission: "token.reissue",
      answer: reissue,
    }),
  ];
}

/** A user in the list, which never shows groups. */
function row({ id, roles, status, createdAt, updatedAt }: UserRecord) {
  return {
    id,
    display_name: null,
    email: null,
    groups: [],
    roles,
    status,
    last_seen_at: null,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

function memberOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
}

/** The texts in an array, undefined when it isn't there or is none. */
function texts(body: unknown, name: string): string[] | undefined {
  const value = memberOf(body)[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : undefined;
}
