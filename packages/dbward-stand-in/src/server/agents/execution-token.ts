import { createHash } from "node:crypto";
import { canonicalJson } from "../../canonical-json.ts";
import type { App } from "../app/app.ts";
import { resolveRoles } from "../http/authenticate.ts";
import type { RequestRecord } from "../state/records.ts";

/** How long an agent may take to begin, in milliseconds. */
const VALID_MS = 300_000;

/**
 * The signed text by which an agent sees that the server has approved exactly what it is about to execute.
 * The signature is over the members in dbward's order, joined by `|`.
 */
export function executionToken(app: App, request: RequestRecord, planJson: string | null): string {
  const requester = app.store.state.users.find(({ id }) => id === request.requester);
  const role = resolveRoles(app, "user", requester)[0]?.name ?? "unknown";
  const digest = createHash("sha256").update(signedDetail(request, planJson)).digest("hex");
  const expiresAt = app.clock.timestamp(VALID_MS);
  const { id, operation, environment, database } = request;
  const signature = app.signingKey.sign(
    [id, operation, environment, database, digest, expiresAt, role, request.requester].join("|"),
  );
  return JSON.stringify({
    request_id: id,
    operation,
    environment,
    database,
    detail_hash: digest,
    issued_at: app.clock.timestamp(),
    expires_at: expiresAt,
    signature,
    requester_role: role,
    requester_subject_id: request.requester,
  });
}

function signedDetail({ operation, detail }: RequestRecord, planJson: string | null): string {
  if (planJson !== null) return planJson;
  return operation === "migrate_status" ? detail : canonicalJson(detail);
}
