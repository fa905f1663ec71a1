import type { Ownership, Permission, Role } from "../config/roles.ts";
import type { Scope } from "../state/records.ts";

/** Who makes a call, and what they may. */
export class Caller {
  readonly subjectId: string;
  readonly subjectType: "user" | "agent";
  /** The subject's roles, as far as the token's ceiling lets them through. */
  readonly roles: readonly Role[];
  readonly groups: readonly string[];

  constructor(
    subjectId: string,
    subjectType: "user" | "agent",
    roles: readonly Role[],
    groups: readonly string[],
  ) {
    this.subjectId = subjectId;
    this.subjectType = subjectType;
    this.roles = roles;
    this.groups = groups;
  }

  /** Whether a role allows it, wherever. Who may change users may read them. */
  may(permission: Permission): boolean {
    return (
      this.roles.some((role) => ownership(role, permission) !== undefined) ||
      (permission === "user.read" && this.may("user.write"))
    );
  }

  /** Whether a role allows it for a database and an environment. */
  mayIn(permission: Permission, scope: Scope): boolean {
    return this.#in(permission, scope).length > 0;
  }

  /** Whether a role allows it, and it is about what the caller owns or the role is about everybody's. */
  mayWith(permission: Permission, scope: Scope, owner: string): boolean {
    const allowing = this.#in(permission, scope);
    return allowing.length > 0 && (owner === this.subjectId || allowing.includes("any"));
  }

  /** The selectors by which a workflow or a result names this caller. */
  get selectors(): readonly string[] {
    return [
      `user:${this.subjectId}`,
      ...this.groups.map((group) => `group:${group}`),
      ...this.roles.map(({ name }) => `role:${name}`),
    ];
  }

  #in(permission: Permission, { database, environment }: Scope): Ownership[] {
    return this.roles
      .filter((role) => covers(role.databases, database) && covers(role.environments, environment))
      .flatMap((role) => ownership(role, permission) ?? []);
  }
}

/** Stands for all databases and environments. */
export const EVERYWHERE: Scope = { database: "*", environment: "*" };

function ownership({ permissions }: Role, permission: Permission): Ownership | undefined {
  return permissions.get("*") ?? permissions.get(permission);
}

function covers(names: readonly string[], name: string): boolean {
  return names.includes("*") || names.includes(name);
}
