import { Agent } from "node:http";
import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
} from "@aws-sdk/client-iam";
import type { EmulatorAccess } from "../account/index.ts";
import { type PolicyDocument, parsePolicy } from "./policy/index.ts";

/** A role, with every policy that decides what it may do and who may take it. */
export interface RolePolicies {
  readonly arn: string;
  /** Inline and attached. */
  readonly identity: readonly PolicyDocument[];
  readonly boundary: PolicyDocument | undefined;
  readonly trust: PolicyDocument;
}

/**
 * Milliseconds for which what was read of a role counts, for calls that come in a row. CloudFormation changes
 * roles inside the emulator and tells nobody; a changed role is in force sooner than on AWS.
 */
const FRESH_MS = 100;

/** The roles of the emulated account, as they are deployed at the moment. */
export class Roles {
  readonly #iam: IAMClient;
  readonly #agent: Agent;
  readonly #read = new Map<
    string,
    { readonly at: number; readonly role: Promise<RolePolicies | undefined> }
  >();

  constructor({ socketPath, endpoint, region }: EmulatorAccess) {
    this.#agent = new Agent({ socketPath, keepAlive: true } as ConstructorParameters<typeof Agent>[0]);
    this.#iam = new IAMClient({
      endpoint,
      region,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      requestHandler: { httpAgent: this.#agent },
    });
  }

  /**
   * @param arn of the role
   * @returns `undefined` when there is none
   * @throws PolicyNotUnderstood
   */
  find(arn: string): Promise<RolePolicies | undefined> {
    const known = this.#read.get(arn);
    const now = performance.now();
    if (known && now - known.at < FRESH_MS) return known.role;
    const role = this.#find(arn);
    this.#read.set(arn, { at: now, role });
    // A failed read isn't kept; the caller gets its error.
    role.catch(() => this.#read.delete(arn));
    return role;
  }

  /** Reads all roles again: a call changes one. */
  forget(): void {
    this.#read.clear();
  }

  close(): void {
    this.#iam.destroy();
    this.#agent.destroy();
  }

  async #find(arn: string): Promise<RolePolicies | undefined> {
    const RoleName = arn.split("/").at(-1)!;
    const found = await this.#iam.send(new GetRoleCommand({ RoleName })).catch((error: Error) => {
      if (error.name === "NoSuchEntityException" || error.name === "NoSuchEntity") return undefined;
      throw error;
    });
    const role = found?.Role;
    if (role?.Arn !== arn) return undefined;
    const boundary = role.PermissionsBoundary?.PermissionsBoundaryArn;
    const [inline, attached, boundaryPolicy] = await Promise.all([
      this.#inlinePolicies(RoleName),
      this.#attachedPolicies(RoleName),
      boundary === undefined ? undefined : this.#managedPolicy(boundary),
    ]);
    return {
      arn,
      identity: [...inline, ...attached],
      boundary: boundaryPolicy,
      trust: document(role.AssumeRolePolicyDocument),
    };
  }

  async #inlinePolicies(RoleName: string): Promise<PolicyDocument[]> {
    const { PolicyNames = [] } = await this.#iam.send(new ListRolePoliciesCommand({ RoleName }));
    return Promise.all(
      PolicyNames.map(async (PolicyName) =>
        document((await this.#iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))).PolicyDocument),
      ),
    );
  }

  async #attachedPolicies(RoleName: string): Promise<PolicyDocument[]> {
    const { AttachedPolicies = [] } = await this.#iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
    return Promise.all(AttachedPolicies.map(({ PolicyArn }) => this.#managedPolicy(PolicyArn!)));
  }

  async #managedPolicy(PolicyArn: string): Promise<PolicyDocument> {
    const { Policy } = await this.#iam.send(new GetPolicyCommand({ PolicyArn }));
    const { PolicyVersion } = await this.#iam.send(
      new GetPolicyVersionCommand({ PolicyArn, VersionId: Policy?.DefaultVersionId }),
    );
    return document(PolicyVersion?.Document);
  }
}

/** IAM encodes documents as parts of a URL. */
function document(encoded: string | undefined): PolicyDocument {
  return parsePolicy(decodeURIComponent(encoded ?? ""));
}
