import type { PrincipalElement, Statement } from "./policy-document.ts";
import { listOf } from "./policy-document.ts";

/** The caller: a role's session, a user, an AWS service, or an anonymous one. */
export interface Principal {
  readonly account: string;
  /** ARN of the caller: of a session `arn:aws:sts::<account>:assumed-role/<role>/<session>`. */
  readonly arn: string;
  /** ARN of the role of a session. */
  readonly role?: string;
  /** Such as `ecs-tasks.amazonaws.com`, when a service asks for itself. */
  readonly service?: string;
  /** The caller shows no identity: only `*` names it. */
  readonly anonymous?: true;
}

/**
 * How closely a statement of a resource's policy names the caller: the session itself, its role, everybody,
 * or the account alone, which leaves the decision to the account's own policies.
 *
 * @returns `undefined` when it doesn't
 */
export function naming(
  { Principal: named, NotPrincipal: others }: Statement,
  principal: Principal,
): "session" | "role" | "everybody" | "account" | undefined {
  if (others !== undefined) return nameIn(others, principal) ? undefined : "everybody";
  return named === undefined ? undefined : nameIn(named, principal);
}

function nameIn(element: PrincipalElement, principal: Principal): ReturnType<typeof naming> {
  if (element === "*") return "everybody";
  if (principal.service !== undefined)
    return listOf(element.Service).includes(principal.service) ? "session" : undefined;
  const names = listOf(element.AWS);
  if (principal.anonymous) return names.includes("*") ? "everybody" : undefined;
  if (names.includes(principal.arn)) return "session";
  if (principal.role !== undefined && names.includes(principal.role)) return "role";
  if (names.includes("*")) return "everybody";
  const account = [principal.account, `arn:aws:iam::${principal.account}:root`];
  return names.some((name) => account.includes(name)) ? "account" : undefined;
}
