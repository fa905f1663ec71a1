/** Everything that survives a restart. Times are RFC 3339 in UTC. */
export interface State {
  /** Of the version that last migrated it. */
  schema: number;
  users: UserRecord[];
  tokens: TokenRecord[];
  agents: AgentRecord[];
  requests: RequestRecord[];
  schemas: SchemaRecord[];
  audit: AuditRecord[];
  /** Sections of the file that had entries at the last start; they can't be left out later. */
  synced: string[];
}

export interface UserRecord {
  readonly id: string;
  roles: string[];
  groups: string[];
  status: "active" | "suspended";
  /** The id of a deleted user is never reused. */
  deleted: boolean;
  readonly createdAt: string;
  updatedAt: string;
}

/** A token: everything about it but its value. */
export interface TokenRecord {
  readonly id: string;
  /** SHA-256 of the token, hexadecimal. */
  readonly hash: string;
  /** The 8 digits after `dbw_`, which identify a token. */
  readonly prefix: string;
  readonly name: string | null;
  readonly subjectId: string;
  readonly subjectType: "user" | "agent";
  /** Roles that it is limited to; null: none is taken away. */
  readonly ceiling: readonly string[] | null;
  /** Bootstrap tokens don't show up in the API; the initial token came with its user and can be reissued. */
  readonly kind: "bootstrap" | "initial" | "minted";
  readonly expiresAt: string | null;
  readonly createdAt: string;
  revokedAt: string | null;
}

export interface Scope {
  readonly database: string;
  readonly environment: string;
}

/** What the last poll with a subject's token said. */
export interface AgentRecord {
  readonly id: string;
  scopes: readonly Scope[];
  draining: boolean;
  inFlight: number;
  maxConcurrent: number;
  uptimeSecs: number;
  activeJobs: readonly ActiveJob[];
  lastPollAt: string;
}

export interface ActiveJob {
  readonly request_id: string;
  readonly operation: string;
  readonly elapsed_secs: number;
}

export const REQUEST_STATUSES = [
  "pending",
  "approved",
  "dispatched",
  "running",
  "executed",
  "failed",
  "rejected",
  "cancelled",
  "expired",
  "execution_lost",
] as const;
export type RequestStatus = (typeof REQUEST_STATUSES)[number];

export type Operation = (typeof OPERATIONS)[number];
export const OPERATIONS = [
  "execute_select",
  "execute_dml",
  "migrate_up",
  "migrate_down",
  "migrate_status",
  "migrate_repair",
] as const;

/** Who decides about requests of a scope. */
export interface Workflow extends Scope {
  readonly id: string;
  /** Empty: all. */
  readonly operations: readonly Operation[];
  /** `risk_based` approves nothing here: the stand-in doesn't know how risky a statement is. */
  readonly autoApprove: { readonly mode: string; readonly risk: string | null } | null;
  readonly steps: readonly Step[];
  readonly requireReason: boolean;
  readonly allowSelfApprove: boolean;
  readonly allowSameApproverAcrossSteps: boolean;
  readonly explain: boolean;
  readonly pendingTtlSecs: number | null;
  readonly statementTimeoutSecs: number | null;
}

/** One after another they have to be satisfied. */
export interface Step {
  /** Whether all its approvers are needed or any of them. */
  readonly mode: "all" | "any";
  readonly approvers: readonly { readonly selector: string; readonly min: number }[];
}

export interface RequestRecord {
  readonly id: string;
  readonly requester: string;
  readonly database: string;
  readonly environment: string;
  readonly operation: Operation;
  /** The SQL, or the JSON text of a migration. */
  readonly detail: string;
  readonly emergency: boolean;
  readonly reason: string | null;
  readonly shareWith: readonly string[];
  readonly noResultStore: boolean;
  readonly idempotencyKey: string | null;
  /** The workflow as it was when the request was made. */
  readonly workflow: Workflow | null;
  /** Statements that an agent executes; null for migrations. */
  readonly plan: readonly string[] | null;
  readonly context: RequestContext | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  status: RequestStatus;
  updatedAt: string;
  /** When it was last dispatched. */
  dispatchedAt: string | null;
  /** When it was last decided or ended. */
  resolvedAt: string | null;
  approvals: ApprovalRecord[];
  executions: ExecutionRecord[];
}

export interface ApprovalRecord {
  readonly step: number;
  readonly action: "approve" | "reject";
  readonly user: string;
  readonly selector: string;
  readonly comment: string | null;
  readonly at: string;
}

export interface ExecutionRecord {
  readonly id: string;
  readonly agentId: string;
  readonly createdAt: string;
  status: "claimed" | "completed" | "failed";
  leaseExpiresAt: string;
  finishedAt: string | null;
  /** The result that is kept, undefined when none is. */
  stored?: { readonly at: string; readonly bytes: number };
}

/** What approvers see beside the SQL. */
export interface RequestContext {
  readonly tables: readonly string[];
  readonly findings: readonly { readonly rule: string; readonly message: string }[];
  /** One for each statement that is explained; empty: none is. */
  readonly dryRuns: DryRunRecord[];
  /** Set once, when the last one is done. */
  status: "collecting" | "ready" | "partial" | "unavailable";
}

export interface DryRunRecord {
  readonly id: string;
  readonly sql: string;
  status: "pending" | "claimed" | "completed" | "failed";
  agentId?: string;
  claimToken?: string;
  claimedAt?: string;
  result?: unknown;
  error?: string;
}

/** The schema of a database as an agent last saw it. */
export interface SchemaRecord extends Scope {
  dialect: string;
  status: "ready" | "failed" | "partial";
  snapshot: unknown;
  collectedAt: string;
}

/** An event as the API shows it. */
export interface AuditRecord {
  readonly id: string;
  readonly event_type: string;
  readonly event_category: string;
  readonly event_version: 1;
  readonly outcome: "success" | "denied";
  readonly actor_id: string;
  readonly actor_type: "user" | "agent" | "system";
  readonly resource_type: string | null;
  readonly resource_id: string | null;
  readonly peer_ip: string | null;
  readonly client_ip: string | null;
  readonly client_ip_source: string | null;
  readonly request_id: string | null;
  readonly operation: string | null;
  readonly database_name: string | null;
  readonly environment: string | null;
  readonly detail_fingerprint: string | null;
  readonly detail_raw: string | null;
  readonly reason: string | null;
  readonly metadata_json: string;
  readonly prev_hash: string | null;
  readonly event_hash: string;
  readonly created_at: string;
}
