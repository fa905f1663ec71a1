import {
  CAPTURE_EVENTS,
  CAPTURE_WARNINGS_ATTRIBUTE,
  CAPTURE_WARNINGS_MAX_CHARACTERS,
} from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { SameToken, ScriptFailed, ServerNotRunning, SeveralProblems, StoredTokenRefused } from "./errors.ts";
import { captureByExec } from "./exec-capture.ts";
import { type CaptureRequest, readRequest, type Token } from "./request.ts";
import type { Outcome, Report } from "./script/report.ts";
import { captureByTask } from "./task-capture.ts";
import { type StoredToken, TokenStore } from "./token-store.ts";
import type { Tools } from "./tools.ts";

/** The parts of CloudFormation's event that a capture uses. */
export interface CaptureEvent {
  readonly RequestType: "Create" | "Update";
  readonly RequestId: string;
  readonly ResourceProperties: Readonly<Record<string, unknown>>;
  readonly OldResourceProperties?: Readonly<Record<string, unknown>> | undefined;
}

/** Attributes of the custom resource: version ids and warnings, never a token. */
export type CaptureAttributes = Readonly<Record<string, string>>;

/**
 * Fills each secret that is empty with its token, and keeps the value of each that has one. Another run
 * continues where the last one stopped. `docs/capture.md` has a diagram of the states.
 *
 * @throws DbwardError after all tokens that could be stored have been stored
 */
export async function capture(event: CaptureEvent, tools: Tools): Promise<CaptureAttributes> {
  const request = readRequest(event.ResourceProperties);
  const store = new TokenStore(tools, event.RequestId);
  const stored = await readAll(request, store);
  const missing = new Set(request.tokens.filter((token) => !stored.has(token)));
  tools.logger.info("capture.begun", {
    requestType: event.RequestType,
    missing: [...missing].map(({ label }) => label),
  });

  const warnings: DbwardError[] = [];
  const report = await ask({ event, request, missing, stored, store }, tools).catch((error: unknown) => {
    if (missing.size > 0 || !isTolerable(error, event)) throw error;
    tools.logger.warn("capture.unchecked", { error });
    warnings.push(error);
    return EMPTY_REPORT;
  });

  const outcomes = refuseSameTokens(report.outcomes, stored);
  const { versions, problems } = await storeAll({ missing, outcomes, stored, store }, tools);
  for (const [token, { versionId }] of stored) versions[token.attribute] = versionId;
  for (const [token, accepted] of report.accepted) {
    if (accepted) continue;
    tools.logger.error(CAPTURE_EVENTS.tokenRefused, { token: token.label });
    const refused = new StoredTokenRefused(token.label, token.secret);
    // In a first deployment nothing could start with it. In a later one the deployment is not the cause.
    (event.RequestType === "Create" ? problems : warnings).push(refused);
  }

  if (problems.length === 1) throw problems[0];
  if (problems.length > 1) throw new SeveralProblems(problems);
  return {
    ...versions,
    [CAPTURE_WARNINGS_ATTRIBUTE]: warnings
      .map(({ message }) => message)
      .join(" ")
      .slice(0, CAPTURE_WARNINGS_MAX_CHARACTERS),
  };
}

const EMPTY_REPORT: Report = { outcomes: new Map(), accepted: new Map() };

async function readAll(request: CaptureRequest, store: TokenStore): Promise<Map<Token, StoredToken>> {
  const read = await Promise.all(
    request.tokens.map(async (token) => [token, await store.read(token)] as const),
  );
  return new Map(read.flatMap(([token, stored]) => (stored ? [[token, stored] as const] : [])));
}

interface TokenQuery {
  readonly event: CaptureEvent;
  readonly request: CaptureRequest;
  readonly missing: ReadonlySet<Token>;
  readonly stored: ReadonlyMap<Token, StoredToken>;
  readonly store: TokenStore;
}

function ask({ event, request, missing, stored, store }: TokenQuery, tools: Tools): Promise<Report> {
  const { RequestId: requestId } = event;
  const plan = { request, requestId, missing, patienceSeconds: tools.patience.serverSeconds };
  if (request.properties.Method === "task") return captureByTask(plan, tools);
  const questions = [...stored].map(([token, { value }]) => [request.tokens.indexOf(token), value] as const);
  return captureByExec(plan, new Map(questions), store, tools);
}

/**
 * Each token may be in one secret only: whoever controls the container must not be able to pass the
 * administrator's token off as that of the poller or of an agent.
 */
function refuseSameTokens(
  outcomes: ReadonlyMap<Token, Outcome>,
  stored: ReadonlyMap<Token, StoredToken>,
): Map<Token, Outcome> {
  const holders = new Map<string, number>();
  const count = (value: string) => holders.set(value, (holders.get(value) ?? 0) + 1);
  for (const { value } of stored.values()) count(value.trim());
  for (const outcome of outcomes.values()) if (outcome.kind === "read") count(outcome.value);
  return new Map(
    [...outcomes].map(([token, outcome]) =>
      outcome.kind === "read" && holders.get(outcome.value)! > 1
        ? [token, { kind: "failed", problem: new SameToken(token.label) }]
        : [token, outcome],
    ),
  );
}

interface CaptureResult {
  readonly missing: ReadonlySet<Token>;
  readonly outcomes: ReadonlyMap<Token, Outcome>;
  readonly stored: ReadonlyMap<Token, StoredToken>;
  readonly store: TokenStore;
}

/** Stores each token that was read. When one can't be stored, the others still are. */
async function storeAll(result: CaptureResult, tools: Tools) {
  const versions: Record<string, string> = {};
  const problems: DbwardError[] = [];
  await Promise.all(
    [...result.missing].map(async (token) => {
      try {
        versions[token.attribute] = await storeOne(token, result);
        tools.logger.info("capture.stored", { token: token.label, version: versions[token.attribute] });
      } catch (error) {
        problems.push(error instanceof DbwardError ? error : new ScriptFailed("storing a token", error));
      }
    }),
  );
  return { versions, problems };
}

async function storeOne(token: Token, { outcomes, stored, store }: CaptureResult): Promise<string> {
  const outcome = outcomes.get(token);
  switch (outcome?.kind) {
    case "read":
      return store.fill(token, outcome.value);
    case "stored": {
      const now = await store.read(token);
      if (!now) throw new ScriptFailed(`${token.label} was reported as stored, but its secret is empty`);
      if ([...stored.values()].some(({ value }) => value === now.value)) throw new SameToken(token.label);
      return now.versionId;
    }
    case "failed":
      throw outcome.problem;
    default:
      throw new ScriptFailed(`its report has no line for ${token.label}`);
  }
}

/**
 * When all tokens are stored, an Update only checks whether the server still accepts them. If that check
 * fails, a deployment that works must not be rolled back. A server that does not start is a deployment that
 * does not work, unless this is the rollback itself.
 */
function isTolerable(error: unknown, event: CaptureEvent): error is DbwardError {
  if (event.RequestType !== "Update" || !(error instanceof DbwardError)) return false;
  return !(error instanceof ServerNotRunning) || isRollback(event);
}

/** Revisions of a task definition only increase, so an earlier one is a rollback. */
function isRollback({ ResourceProperties, OldResourceProperties }: CaptureEvent): boolean {
  const [now, before] = [ResourceProperties, OldResourceProperties].map((properties) =>
    /^(.*):(\d+)$/.exec(String(properties?.TaskDefinition)),
  );
  return !!now && !!before && now[1] === before[1] && Number(now[2]) < Number(before[2]);
}
