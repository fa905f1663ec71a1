import type { App } from "../app/app.ts";
import { conflict, notFound } from "../http/answer.ts";
import type { RequestRecord, RequestStatus } from "../state/records.ts";

/** What can happen to a request, and what it is then, by what it was. */
const NEXT = {
  approve: { pending: "approved" },
  reject: { pending: "rejected" },
  expire: { pending: "expired", approved: "expired" },
  cancel: {
    pending: "cancelled",
    approved: "cancelled",
    dispatched: "cancelled",
    running: "cancelled",
    execution_lost: "cancelled",
  },
  dispatch: {
    approved: "dispatched",
    executed: "dispatched",
    failed: "dispatched",
    execution_lost: "dispatched",
  },
  giveBack: { dispatched: "approved" },
  claim: { dispatched: "running" },
  succeed: { running: "executed", cancelled: "cancelled" },
  fail: { running: "failed", cancelled: "cancelled" },
  lose: { running: "execution_lost" },
} as const satisfies Record<string, Partial<Record<RequestStatus, RequestStatus>>>;

/** Something that happens to a request. */
export type Event = keyof typeof NEXT;

/** States that nothing leads out of by itself. */
const OVER: readonly RequestStatus[] = ["executed", "failed", "rejected", "cancelled", "expired"];

/** Whether a request waits for nothing any more. One whose execution was lost can be resumed. */
export function isOver(status: RequestStatus): boolean {
  return OVER.includes(status);
}

/** @throws Refusal 404 */
export function findRequest({ store }: App, id: string): RequestRecord {
  const request = store.state.requests.find((each) => each.id === id);
  if (!request) throw notFound("request not found");
  return request;
}

/** Whether an event can happen to a request as it is. */
export function can(request: RequestRecord, event: Event): boolean {
  return (NEXT[event] as Partial<Record<RequestStatus, RequestStatus>>)[request.status] !== undefined;
}

/** @throws Refusal 409 when an event can't happen to a request as it is */
export function require(request: RequestRecord, event: Event): void {
  if (!can(request, event)) throw conflict(`a request that is ${request.status} can't do that: ${event}`);
}

/** Lets an event happen. @throws Refusal 409 when it can't */
export function happen(app: App, request: RequestRecord, event: Event): void {
  require(request, event);
  const status = (NEXT[event] as Partial<Record<RequestStatus, RequestStatus>>)[request.status]!;
  if (status === request.status) return;
  const now = app.clock.timestamp();
  request.status = status;
  request.updatedAt = now;
  if (status === "dispatched") request.dispatchedAt = now;
  if (event !== "giveBack" && (status === "approved" || isOver(status) || status === "execution_lost"))
    request.resolvedAt = now;
  app.store.changed();
  app.events.changed(request.id);
}

/** Cancels what a user has asked for and what isn't over. @returns the ids */
export function cancelRequestsOf(app: App, userId: string): string[] {
  const requests = app.store.state.requests.filter(
    (request) => request.requester === userId && can(request, "cancel"),
  );
  for (const request of requests) happen(app, request, "cancel");
  return requests.map(({ id }) => id);
}
