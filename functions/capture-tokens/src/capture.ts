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

/** What CloudFormation asks: the parts of its event that matter to a capture. */
export interface CaptureEvent {
  readonly RequestType: "Create" | "Update";
  readonly RequestId: string;
  readonly ResourceProperties: Readonly<Record<string, unknown>>;
  readonly OldResourceProperties?: Readonly<Record<string, unknown>> | undefined;
}

/** Attributes of the custom resource: version ids and warnings, never a token. */
export type CaptureAttributes = Readonly<Record<string, string>>;

/**
 * Brings the secrets to where they should be: each that is empty gets its token, each that has one keeps it. Run again, it goes on from
 * where it stopped. `docs/capture.md` draws its states.
 *
 * @throws DbwardError after everything that could be stored has been stored
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
    if (missing.size > 0 || !isForgivable(error, event)) throw error;
    tools.logger.warn("capture.unchecked", { error });
    warnings.push(error);
    return NOTHING_SAID;
  });

  const outcomes = refuseSameTokens(report.outcomes, stored);
  const { versions, problems } = await storeAll({ missing, outcomes, stored, store }, tools);
  for (const [token, { versionId }] of stored) versions[token.attribute] = versionId;
  for (const [token, accepted] of report.accepted) {
    if (accepted) continue;
    tools.logger.error(CAPTURE_EVENTS.tokenRefused, { token: token.label });
    const refused = new StoredTokenRefused(token.label, token.secret);
    // At a first deploy nothing could come up with it. At a later one the deploy is not to blame.
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

const NOTHING_SAID: Report = { outcomes: new Map(), accepted: new Map() };

async function readAll(request: CaptureRequest, store: TokenStore): Promise<Map<Token, StoredToken>> {
  const read = await Promise.all(
    request.tokens.map(async (token) => [token, await store.read(token)] as const),
  );
  return new Map(read.flatMap(([token, stored]) => (stored ? [[token, stored] as const] : [])));
}

interface Question {
  readonly event: CaptureEvent;
  readonly request: CaptureRequest;
  readonly missing: ReadonlySet<Token>;
  readonly stored: ReadonlyMap<Token, StoredToken>;
  readonly store: TokenStore;
}

function ask({ event, request, missing, stored, store }: Question, tools: Tools): Promise<Report> {
  const { RequestId: requestId } = event;
  const plan = { request, requestId, missing, patienceSeconds: tools.patience.serverSeconds };
  if (request.properties.Method === "task") return captureByTask(plan, tools);
  const questions = [...stored].map(([token, { value }]) => [request.tokens.indexOf(token), value] as const);
  return captureByExec(plan, new Map(questions), store, tools);
}

/**
 * A token may be in one secret alone: whoever has control of the container must not be able to make the poller's or an agent's token
 * the administrator's.
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

interface Harvest {
  readonly missing: ReadonlySet<Token>;
  readonly outcomes: ReadonlyMap<Token, Outcome>;
  readonly stored: ReadonlyMap<Token, StoredToken>;
  readonly store: TokenStore;
}

/** Stores each token as it was read. One that can't be stored does not keep the others from it. */
async function storeAll(harvest: Harvest, tools: Tools) {
  const versions: Record<string, string> = {};
  const problems: DbwardError[] = [];
  await Promise.all(
    [...harvest.missing].map(async (token) => {
      try {
        versions[token.attribute] = await storeOne(token, harvest);
        tools.logger.info("capture.stored", { token: token.label, version: versions[token.attribute] });
      } catch (error) {
        problems.push(error instanceof DbwardError ? error : new ScriptFailed("storing a token", error));
      }
    }),
  );
  return { versions, problems };
}

async function storeOne(token: Token, { outcomes, stored, store }: Harvest): Promise<string> {
  const outcome = outcomes.get(token);
  switch (outcome?.kind) {
    case "read":
      return store.fill(token, outcome.value);
    case "stored": {
      const now = await store.read(token);
      if (!now) throw new ScriptFailed(`${token.label} was reported as stored, yet its secret is empty`);
      if ([...stored.values()].some(({ value }) => value === now.value)) throw new SameToken(token.label);
      return now.versionId;
    }
    case "failed":
      throw outcome.problem;
    default:
      throw new ScriptFailed(`its report has no line about ${token.label}`);
  }
}

/**
 * With all tokens stored, an Update only asks whether they are still good: no answer must not undo a deploy that works. A server that
 * doesn't come up is a deploy that doesn't work, unless this is the way back to the former task definition.
 */
function isForgivable(error: unknown, event: CaptureEvent): error is DbwardError {
  if (event.RequestType !== "Update" || !(error instanceof DbwardError)) return false;
  return !(error instanceof ServerNotRunning) || isGoingBack(event);
}

/** Revisions of a task definition only grow, so an earlier one is a rollback. */
function isGoingBack({ ResourceProperties, OldResourceProperties }: CaptureEvent): boolean {
  const [now, before] = [ResourceProperties, OldResourceProperties].map((properties) =>
    /^(.*):(\d+)$/.exec(String(properties?.TaskDefinition)),
  );
  return !!now && !!before && now[1] === before[1] && Number(now[2]) < Number(before[2]);
}
