import type { IncomingMessage, ServerResponse } from "node:http";
import {
  ACCOUNT_ID,
  type Caller,
  type Credentials,
  type EmulatorAccess,
  type RoleSession,
  sessionCredentials,
} from "../account/index.ts";
import { type Call, type Need, needsOf, readCall } from "./calls/index.ts";
import { EmulatedFacts } from "./emulated-facts.ts";
import {
  evaluate,
  type Policies,
  PolicyNotUnderstood,
  type Principal,
  type RequestContext,
  type Verdict,
} from "./policy/index.ts";
import { RightsRecord, type UsedRights } from "./record.ts";
import { sendRefusal } from "./refusal.ts";
import { Roles } from "./roles.ts";
import { sendCallerIdentity, sendRoleSession } from "./sts.ts";

export interface JudgeOptions {
  readonly access: EmulatorAccess;
  /** Keys of the deployer, to whom nothing is refused. */
  readonly administrator: Credentials;
  /** File for the rights that roles have used. */
  readonly record: string;
  /** Called with the message of each refusal. */
  readonly onRefusal?: (message: string) => void;
}

/** A missing right, in AWS's words. */
export interface Refusal {
  readonly need: Need;
  readonly message: string;
  /** A policy denies it; else none allows it. */
  readonly isExplicit: boolean;
}

/** ARN of the user that the administrator's keys belong to. */
const ADMINISTRATOR = `arn:aws:iam::${ACCOUNT_ID}:user/administrator`;

/**
 * Judges the calls of roles by their policies as they are deployed, before the emulator, which refuses
 * nothing, sees them. Calls of the administrator pass.
 */
export class Judge {
  readonly #options: JudgeOptions;
  readonly #roles: Roles;
  readonly #facts: EmulatedFacts;
  readonly #record: RightsRecord;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#roles = new Roles(options.access);
    this.#facts = new EmulatedFacts(options.access);
    this.#record = new RightsRecord(options.record);
  }

  /** Keys with which a task, a function or a tool acts in a role. */
  keysOf(session: RoleSession): Required<Credentials> {
    return sessionCredentials(this.#options.administrator, session);
  }

  /** The rights that roles have used until now. */
  get used(): UsedRights {
    return this.#record.used;
  }

  /**
   * Decides on a signed call.
   *
   * @returns true when it has answered: the call is refused, or asks who the caller is or for keys of a role
   */
  async judge(
    { session, service, region }: Caller,
    { method = "GET", url = "/", headers }: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): Promise<boolean> {
    if (service === "iam") this.#roles.forget();
    if (session === undefined && service !== "sts") return false;
    const call = readCall(service, { region, account: ACCOUNT_ID }, { method, url, headers }, body);
    const message =
      service === "sts"
        ? await this.#answerSts(call, session, response)
        : await this.#refusal(call, session!);
    if (message === undefined) return service === "sts";
    this.#options.onRefusal?.(message);
    sendRefusal(call, response, message);
    return true;
  }

  /**
   * Whether the keys that signed the upgrade of a session's WebSocket may open it. AWS hasn't published
   * whether it asks for `ssmmessages:OpenDataChannel` there; so a role without the right may, and one to
   * which a policy denies it may not.
   */
  async judgeUpgrade({ session, service, region }: Caller, { url = "" }: IncomingMessage): Promise<boolean> {
    if (service !== "ssmmessages") return false;
    if (session === undefined) return true;
    const id = url.split("?")[0]?.split("/").at(-1);
    const resource = `arn:aws:ssm:${region}:${ACCOUNT_ID}:session/${id}`;
    const refusal = await this.#decide(session, { action: "ssmmessages:OpenDataChannel", resource });
    if (!refusal?.isExplicit) return true;
    this.#options.onRefusal?.(refusal.message);
    return false;
  }

  /**
   * Whether a role may do something that is not a call to the account, such as mounting a file system.
   *
   * @returns what refuses it
   */
  async mayDo(session: RoleSession, need: Need): Promise<Refusal | undefined> {
    const refusal = await this.#decide(session, need);
    if (refusal) this.#options.onRefusal?.(refusal.message);
    return refusal;
  }

  /**
   * Whether a resource's own policy allows an anonymous caller, such as a mount without IAM. A resource
   * without a policy is open, as a file system is.
   */
  async mayAnybody(need: Need, region: string): Promise<boolean> {
    const resource = await this.#facts.resourcePolicy(need.resource);
    if (resource === undefined) return true;
    const principal: Principal = { account: "anonymous", arn: "*", anonymous: true };
    return evaluate(
      { principal, action: need.action, resource: need.resource, context: contextOf(need, region, {}) },
      { identity: [], resource },
    ).allowed;
  }

  /**
   * Whether a role's trust policy lets a service of AWS take it.
   *
   * @param service such as `ecs-tasks.amazonaws.com`
   * @param context condition keys, such as `aws:SourceArn`
   */
  async mayBeTaken(
    role: string,
    service: string,
    context: Need["context"],
    region: string,
  ): Promise<boolean> {
    const found = await this.#roles.find(role);
    if (!found) return false;
    const need: Need = { action: "sts:AssumeRole", resource: role, ...(context ? { context } : {}) };
    return evaluate(
      {
        principal: { account: ACCOUNT_ID, arn: service, service },
        action: need.action,
        resource: role,
        context: contextOf(need, region, { "aws:PrincipalIsAWSService": "true" }),
      },
      { identity: [], resource: found.trust, resourceMustAllow: true },
    ).allowed;
  }

  close(): void {
    this.#record.close();
    this.#roles.close();
  }

  /** @returns the message that refuses a call */
  async #refusal(call: Call, session: RoleSession): Promise<string | undefined> {
    const needs = await needsOf(call, this.#facts);
    if (needs === undefined) return notJudged(call);
    for (const need of needs) {
      const refusal = await this.#decide(session, need);
      if (refusal) return refusal.message;
    }
    return undefined;
  }

  async #decide(session: RoleSession, need: Need): Promise<Refusal | undefined> {
    const { region } = this.#options.access;
    const principal = principalOf(session);
    try {
      const role = await this.#roles.find(session.role);
      const verdict = evaluate(
        {
          principal,
          action: need.action,
          resource: need.resource,
          context: contextOf(need, region, sessionKeys(session)),
        },
        {
          identity: role?.identity ?? [],
          boundary: role?.boundary,
          ...(await this.#resourcePolicies(need)),
        },
      );
      this.#record.add(session.role, need.action, verdict.allowed);
      if (verdict.allowed) return undefined;
      const message = refusalMessage(principal.arn, need, verdict);
      return { need, message, isExplicit: verdict.reason === "explicit deny" };
    } catch (error) {
      if (!(error instanceof PolicyNotUnderstood)) throw error;
      const message = `The local stage can't judge whether ${principal.arn} may perform ${need.action} on ${need.resource}: ${error.message} It refuses what it can't judge.`;
      return { need, message, isExplicit: true };
    }
  }

  async #resourcePolicies({
    action,
    resource,
  }: Need): Promise<Pick<Policies, "resource" | "resourceMustAllow">> {
    const policy = await this.#facts.resourcePolicy(resource);
    const isMount = action.startsWith("elasticfilesystem:Client");
    const isKey = action.startsWith("kms:");
    return {
      resource: policy ?? (isMount ? OPEN : isKey ? LEFT_TO_IAM : undefined),
      resourceMustAllow: isKey,
    };
  }

  /** @returns the message that refuses it */
  async #answerSts(
    call: Call,
    session: RoleSession | undefined,
    response: ServerResponse,
  ): Promise<string | undefined> {
    const caller = session ? principalOf(session) : { account: ACCOUNT_ID, arn: ADMINISTRATOR };
    if (call.operation === "GetCallerIdentity") {
      sendCallerIdentity(response, ACCOUNT_ID, caller.arn);
      return undefined;
    }
    const { RoleArn, RoleSessionName, Policy, ExternalId } = call.input;
    if (call.operation !== "AssumeRole" || Policy !== undefined || "PolicyArns.member.1.arn" in call.input)
      return notJudged(call);
    const role = String(RoleArn);
    const name = String(RoleSessionName);
    const need: Need = {
      action: "sts:AssumeRole",
      resource: role,
      context: {
        "sts:RoleSessionName": name,
        ...(ExternalId === undefined ? {} : { "sts:ExternalId": String(ExternalId) }),
      },
    };
    const [wanted, own] = await Promise.all([
      this.#roles.find(role),
      session ? this.#roles.find(session.role) : undefined,
    ]);
    const verdict = evaluate(
      {
        principal: caller,
        action: need.action,
        resource: role,
        context: contextOf(need, call.place.region, session ? sessionKeys(session) : {}),
      },
      {
        identity: session ? (own?.identity ?? []) : [EVERYTHING],
        boundary: own?.boundary,
        resource: wanted?.trust ?? NOTHING,
        resourceMustAllow: true,
      },
    );
    if (session) this.#record.add(session.role, need.action, verdict.allowed);
    // STS gives the same answer for a role that doesn't exist and for one that may not be assumed.
    if (!verdict.allowed)
      return `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${role}`;
    const taken = { role, name };
    sendRoleSession(response, principalOf(taken).arn, this.keysOf(taken));
    return undefined;
  }
}

const EVERYTHING = { Statement: { Effect: "Allow", Action: "*", Resource: "*" } } as const;
const NOTHING = { Statement: [] } as const;
/** A key that is not in the emulated account counts as one with AWS's default policy. */
const LEFT_TO_IAM = {
  Statement: { Effect: "Allow", Principal: { AWS: ACCOUNT_ID }, Action: "kms:*", Resource: "*" },
} as const;
/** A file system without a policy is open to every client that reaches it. */
const OPEN = { Statement: { Effect: "Allow", Principal: "*", Action: "*", Resource: "*" } } as const;

function principalOf({ role, name }: RoleSession): Principal {
  const account = role.split(":")[4] ?? ACCOUNT_ID;
  const arn = `arn:aws:sts::${account}:assumed-role/${role.split("/").at(-1)}/${name}`;
  return { account, arn, role };
}

function sessionKeys(session: RoleSession): Record<string, string> {
  return {
    "aws:PrincipalArn": session.role,
    "aws:PrincipalAccount": principalOf(session).account,
    "aws:PrincipalType": "AssumedRole",
    "aws:PrincipalIsAWSService": "false",
    ...(session.function ? { "lambda:SourceFunctionArn": session.function } : {}),
  };
}

/** The condition keys of a request, with the global ones. */
function contextOf(
  { context = {}, resource }: Need,
  region: string,
  of: Record<string, string>,
): RequestContext {
  const now = new Date();
  const owner = /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(resource)?.[1] ?? ACCOUNT_ID;
  const keys: Record<string, string | readonly string[]> = {
    // Calls on this machine are not encrypted; on AWS all are.
    "aws:SecureTransport": "true",
    "aws:RequestedRegion": region,
    "aws:ResourceAccount": owner,
    "aws:CurrentTime": now.toISOString(),
    "aws:EpochTime": String(Math.floor(now.getTime() / 1000)),
    "aws:ViaAWSService": "false",
    ...of,
    ...context,
  };
  return Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [key.toLowerCase(), [value].flat() as readonly string[]]),
  );
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
function refusalMessage(
  caller: string,
  { action, resource }: Need,
  { reason, by }: Verdict & { readonly allowed: false },
): string {
  const named = action.startsWith("s3:") ? `"${resource}"` : resource;
  const article = by === "identity-based policy" ? "an" : "a";
  const because =
    reason === "explicit deny"
      ? `with an explicit deny in ${article} ${by}`
      : `because no ${by} allows the ${action} action`;
  const on = resource === "*" && /^(ec2|cloudwatch):/.test(action) ? "" : ` on resource: ${named}`;
  return `User: ${caller} is not authorized to perform: ${action}${on} ${because}`;
}

function notJudged({ service, operation, method, path }: Call): string {
  const what = operation === undefined ? `${method} ${path}` : operation;
  return `The local stage does not know which rights ${service} ${what} needs, and refuses to roles what it can't judge (packages/local-account/src/rights/calls).`;
}
