import { createHash, randomUUID } from "node:crypto";
import type { AuditRecord, RequestRecord } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import type { Clock } from "./clock.ts";

/** What is to be noted. */
export interface AuditEntry {
  /** Such as `user.created`. */
  readonly type: string;
  /** Such as `identity`. */
  readonly category: string;
  readonly actor: string;
  /** @default "user" */
  readonly actorType?: AuditRecord["actor_type"];
  /** Id of the user, token or execution that it is about. */
  readonly resource?: string;
  readonly request?: RequestRecord;
  /** Why it was refused. */
  readonly denied?: string;
  readonly metadata?: object;
  readonly peer?: string | undefined;
}

/** Events that are kept: enough to look at, and not so many that writing the state takes long. */
const KEPT = 1_000;

/** The audit log: each event has the hash of the one before. */
export class AuditLog {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @param lazily a crash may lose it */
  record(entry: AuditEntry, lazily = false): void {
    const { audit } = this.#store.state;
    const { actor, actorType = "user", request, denied = null, peer = null } = entry;
    const event: Omit<AuditRecord, "event_hash"> = {
      id: randomUUID(),
      event_type: entry.type,
      event_category: entry.category,
      event_version: 1,
      outcome: denied === null ? "success" : "denied",
      actor_id: actor,
      actor_type: actorType,
      resource_type: null,
      resource_id: entry.resource ?? request?.id ?? null,
      peer_ip: peer,
      client_ip: peer,
      client_ip_source: peer === null ? null : "direct",
      request_id: request?.id ?? null,
      operation: request?.operation ?? null,
      database_name: request?.database ?? null,
      environment: request?.environment ?? null,
      detail_fingerprint: null,
      detail_raw: denied,
      reason: denied,
      metadata_json: JSON.stringify(entry.metadata ?? {}),
      prev_hash: audit.at(-1)?.event_hash ?? null,
      created_at: this.#clock.timestamp(),
    };
    audit.push({ ...event, event_hash: hashOf(event) });
    if (audit.length > KEPT) audit.splice(0, audit.length - KEPT);
    this.#store.changed({ lazily });
  }

  /** Id of the first event that was changed or has lost the one before it, null when there is none. */
  firstBroken(): string | null {
    let previous: string | null | undefined;
    for (const { event_hash, ...event } of this.#store.state.audit) {
      if (previous !== undefined && event.prev_hash !== previous) return event.id;
      if (hashOf(event) !== event_hash) return event.id;
      previous = event_hash;
    }
    return null;
  }
}

function hashOf(event: Omit<AuditRecord, "event_hash">): string {
  return createHash("sha256").update(JSON.stringify(event)).digest("hex");
}
