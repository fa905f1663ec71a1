import { arnMatches, arnParts } from "./arn.ts";
import { conditionsHold } from "./conditions.ts";
import { patternOf, type RequestContext } from "./pattern.ts";
import { listOf, type PolicyDocument, type Statement, statementsOf } from "./policy-document.ts";
import { naming, type Principal } from "./principals.ts";

/** One question to the policies: may this principal do that? */
export interface RightsRequest {
  readonly principal: Principal;
  /** Such as `s3:GetObject`. */
  readonly action: string;
  /** ARN, or `*` for an action that knows no resource. */
  readonly resource: string;
  readonly context: RequestContext;
}

/** All policies that have a say. */
export interface Policies {
  /** Of the principal: inline and attached. */
  readonly identity: readonly PolicyDocument[];
  /** The principal's permissions boundary. @default - none */
  readonly boundary?: PolicyDocument | undefined;
  /** Of the resource. @default - none */
  readonly resource?: PolicyDocument | undefined;
  /**
   * The resource's own policy must allow or leave it to the account, as that of a KMS key or of a role that
   * is to be assumed. @default false
   */
  readonly resourceMustAllow?: boolean;
}

/** Which policies have decided. */
export type PolicyKind = "identity-based policy" | "resource-based policy" | "permissions boundary";

export type Verdict =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      /** A statement denies it, or no statement allows it. */
      readonly reason: "explicit deny" | "no allow";
      readonly by: PolicyKind;
    };

/**
 * Judges a request by the policies of one account, as AWS documents it: a denial anywhere wins; then the
 * identity's policies must allow, within the boundary, or the resource's policy must name the caller.
 *
 * @throws PolicyNotUnderstood
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function evaluate(request: RightsRequest, policies: Policies): Verdict {
  const { identity, boundary, resource, resourceMustAllow = false } = policies;
  const layers: [PolicyKind, readonly PolicyDocument[]][] = [
    ["identity-based policy", identity],
    ["permissions boundary", boundary ? [boundary] : []],
  ];
  for (const [by, documents] of layers)
    if (documents.some((document) => matching(document, request, "Deny").length > 0))
      return { allowed: false, reason: "explicit deny", by };
  const named = (effect: Statement["Effect"]) =>
    (resource ? matching(resource, request, effect) : []).flatMap(
      (it) => naming(it, request.principal) ?? [],
    );
  if (named("Deny").length > 0)
    return { allowed: false, reason: "explicit deny", by: "resource-based policy" };

  const byIdentity = identity.some((document) => matching(document, request, "Allow").length > 0);
  const withinBoundary = !boundary || matching(boundary, request, "Allow").length > 0;
  const names = named("Allow");
  // A boundary limits what a resource grants to the role, but not what it grants to the role's session or to
  // everyone.
  if (names.includes("session") || names.includes("everybody")) return { allowed: true };
  const byResource = names.includes("role");
  if (resourceMustAllow && !byResource && !(names.includes("account") && byIdentity))
    return {
      allowed: false,
      reason: "no allow",
      by: names.includes("account") ? "identity-based policy" : "resource-based policy",
    };
  if (!byIdentity && !byResource) return { allowed: false, reason: "no allow", by: "identity-based policy" };
  return withinBoundary
    ? { allowed: true }
    : { allowed: false, reason: "no allow", by: "permissions boundary" };
}

/** Statements of a policy that match the request, whatever their principals. */
function matching(
  document: PolicyDocument,
  { action, resource, context }: RightsRequest,
  effect: Statement["Effect"],
): readonly Statement[] {
  const version = document.Version;
  return statementsOf(document).filter(
    (statement) =>
      statement.Effect === effect &&
      matchesAction(statement, action) &&
      matchesResource(statement, resource, context, version) &&
      conditionsHold(statement, context, version),
  );
}

function matchesAction({ Action, NotAction }: Statement, action: string): boolean {
  const matches = (pattern: string) => patternOf(pattern, {}, { ignoreCase: true })!.test(action);
  return NotAction === undefined ? listOf(Action).some(matches) : !listOf(NotAction).some(matches);
}

function matchesResource(
  { Resource, NotResource }: Statement,
  resource: string,
  context: RequestContext,
  version: string | undefined,
): boolean {
  const matches = (pattern: string) =>
    arnParts(resource) ? arnMatches(resource, pattern, context, version) : pattern === "*";
  if (NotResource !== undefined) return listOf(NotResource).every((pattern) => matches(pattern) === false);
  // A trust policy is about its own role, and names none.
  return Resource === undefined || listOf(Resource).some((pattern) => matches(pattern) === true);
}
