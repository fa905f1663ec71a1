import {
  CAPTURE_EVENTS,
  CAPTURE_WARNINGS_ATTRIBUTE,
  CAPTURE_WARNINGS_MAX_CHARACTERS,
} from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { ScriptFailed, ServerNotRunning, SeveralProblems, StoredTokenRefused } from "./errors.ts";
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
  const store = new TokenStore(tools.secrets, event.RequestId, tools.deadline.signal);
  const stored = await readAll(request, store);
  const missing = new Set(request.tokens.filter((token) => !stored.has(token)));
  tools.logger.info("capture.begun", {
    requestType: event.RequestType,
    missing: [...missing].map(({ label }) => label),
  });

  const warnings: DbwardError[] = [];
  const report = await ask({ event, request, missing, stored }, tools).catch((error: unknown) => {
    if (missing.size > 0 || !isForgivable(error, event)) throw error;
    tools.logger.warn("capture.unchecked", { error });
    warnings.push(error);
    return NOTHING_SAID;
  });

  const { versions, problems } = await storeAll(missing, report, store, tools);
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
}

function ask({ event, request, missing, stored }: Question, tools: Tools): Promise<Report> {
  const plan = { request, missing, patienceSeconds: tools.patience.serverSeconds };
  if (request.properties.Method === "task") return captureByTask(plan, event.RequestId, tools);
  const questions = [...stored].map(([token, { value }]) => [request.tokens.indexOf(token), value] as const);
  return captureByExec(plan, new Map(questions), tools);
}

/** Stores each token as it was read. One that can't be stored does not keep the others from it. */
async function storeAll(missing: ReadonlySet<Token>, report: Report, store: TokenStore, tools: Tools) {
  const versions: Record<string, string> = {};
  const problems: DbwardError[] = [];
  await Promise.all(
    [...missing].map(async (token) => {
      try {
        versions[token.attribute] = await storeOne(token, report.outcomes.get(token), store);
        tools.logger.info("capture.stored", { token: token.label, version: versions[token.attribute] });
      } catch (error) {
        problems.push(error instanceof DbwardError ? error : new ScriptFailed("storing a token", error));
      }
    }),
  );
  return { versions, problems };
}

async function storeOne(token: Token, outcome: Outcome | undefined, store: TokenStore): Promise<string> {
  switch (outcome?.kind) {
    case "read":
      return store.fill(token, outcome.value);
    case "stored": {
      const now = await store.read(token);
      if (!now) throw new ScriptFailed(`the task stored ${token.label}, yet its secret is empty`);
      return now.versionId;
    }
    case "failed":
      throw outcome.problem;
    default:
      throw new ScriptFailed(`nothing was said of ${token.label}`);
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
